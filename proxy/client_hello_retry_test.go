package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
)

// retrying is a server that asks for a second ClientHello: it takes only a group for which its clients send no key.
func retrying() *tls.Config { return &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}} }

// withEarlyData is hello, in one record, with the extension that announces early data.
func withEarlyData(hello string) string {
	b := []byte(hello + "\x00\x2a\x00\x00")
	add := func(at, size int) {
		n := 0
		for _, c := range b[at : at+size] {
			n = n<<8 | int(c)
		}
		n += 4
		for i := size - 1; i >= 0; i-- {
			b[at+i], n = byte(n), n>>8
		}
	}
	add(3, 2) // record
	add(6, 3) // message
	const session = 5 + 4 + 2 + 32
	suites := session + 1 + int(b[session])
	compression := suites + 2 + int(b[suites])<<8 + int(b[suites+1])
	add(compression+1+int(b[compression]), 2)
	return string(b)
}

// A server may ask for a second ClientHello; the host that it names is the one that counts there.
func TestSecondHello(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Listener: tlsOrigin(t, retrying()), Rules: helloRules})
	page, err := get(t, p, p.Target, &tls.Config{ServerName: "origin.test", InsecureSkipVerify: true}, segments(3))
	if err != nil || page != "HTTP/1.1 origin.test " {
		t.Errorf("%q, %v", page, err)
	}
	if r := p.Records(2)[1]; r.Decision != "allow" || r.SNI != "origin.test" || r.TLS != "1.3" || r.BytesIn < 100_000 {
		t.Errorf("close record %+v", r)
	}

	first, evil := goHello(t, "origin.test"), goHello(t, "evil.test")
	const changeCipherSpec, warning, data = "\x14\x03\x03\x00\x01\x01", "\x15\x03\x03\x00\x02\x01\x5a", "\x17\x03\x03\x00\x03abc"
	for _, tt := range []struct {
		name, first, between, second string
		passes, detail               string // of the record; empty if all passes
	}{
		{"the same name", first, "", first, first + first, ""},
		{"another name", first, "", evil, first, "another server name"},
		{"no name", first, "", goHello(t, ""), first, "another server name"},
		{"another name after change_cipher_spec", first, changeCipherSpec, evil, first + changeCipherSpec, "another server name"},
		{"another name after an alert", first, warning, evil, first + warning, "another server name"},
		{"another name after early data", withEarlyData(first), data + data, evil, withEarlyData(first) + data + data, "another server name"},
		{"another name in small records", first, "", string(intoRecords(5)([]byte(evil))[0]), first, "another server name"},
		{"an empty record before another name", first, "", "\x16\x03\x03\x00\x00" + evil, first, "malformed records"},
		{"encrypted data, and whatever comes then", first, data, evil, first + data + evil, ""},
		{"another message of the handshake", first, "", "\x16\x03\x03\x00\x04\x10\x00\x00\x00", first + "\x16\x03\x03\x00\x04\x10\x00\x00\x00", ""},
		{"a record cut off", first, "", "\x16\x03", first + "\x16\x03", ""},
	} {
		for _, size := range []int{1, 1 << 20} {
			ln, got := counting(t)
			p := proxytest.Start(t, proxytest.Config{Listener: ln, Rules: helloRules})
			c := p.Connect(tt.first[:1])
			c.SetNoDelay(true)
			for _, part := range segments(size)([]byte(tt.first[1:] + tt.between + tt.second)) {
				if _, err := c.Write(part); err != nil {
					break // refused already
				}
			}
			c.CloseWrite()
			response := c.Rest()
			c.Close()
			if b := <-got; b != tt.passes {
				t.Errorf("%s, in portions of %d: the origin gets %d bytes, want %d", tt.name, size, len(b), len(tt.passes))
			}
			r := p.Records(2)[1]
			if refused := tt.detail != ""; refused != (r.Decision == "deny") || refused && (r.Reason != "bad_hello" ||
				!strings.Contains(r.Detail, tt.detail) || r.SNI != "origin.test" || !bytes.HasSuffix([]byte(response), []byte{2, 50})) {
				t.Errorf("%s, in portions of %d: close record %+v; the client gets %x", tt.name, size, r, response)
			}
		}
	}
}

// While a second ClientHello may come, nothing is held back that is none.
func TestSecondHelloWaitsForNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := proxytest.Start(t, proxytest.Config{Listener: ln, Rules: helloRules})
	hello := goHello(t, "origin.test")
	c := p.Connect(hello)
	defer c.Close()
	origin, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	for _, part := range []string{hello, "\x14", "\x03\x03\x00\x01", "\x01\x17\x03", "\x03\xff\xff", "x"} {
		if part != hello {
			c.Send(part)
		}
		b := make([]byte, len(part))
		if _, err := io.ReadFull(origin, b); err != nil || string(b) != part {
			t.Fatalf("%d bytes, %v; want %d", len(b), err, len(part))
		}
	}
}
