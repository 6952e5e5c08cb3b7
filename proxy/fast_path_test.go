package proxy_test

import (
	"bytes"
	"io"
	"regexp"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// throughNetHTTP is a header line that means nothing to a CONNECT that is permitted, but makes it one
// that is not plain.
const throughNetHTTP = "Accept: text/plain\r\n"

// bothWays runs test for CONNECTs that are served on the fast path, and for those that are served
// on the standard path: test puts lines into their heads.
func bothWays(t *testing.T, test func(t *testing.T, lines string)) {
	t.Run("fast path", func(t *testing.T) { test(t, "") })
	t.Run("net/http", func(t *testing.T) { test(t, throughNetHTTP) })
}

// FuzzConnect: a CONNECT leaves the same records and gets the same bytes, whichever way it is served.
func FuzzConnect(f *testing.F) {
	f.Add("origin.test:0", "", "hello")
	f.Add("other.test:443", "", "")
	f.Add("other.test:443", "User-Agent: x\r\nProxy-Connection: keep-alive\r\n", "\x16\x03\x01")
	f.Add("unreachable.test:1", "Connection: close\r\nUpgrade: websocket\r\n", "")
	f.Add("private.test:443", "Trailer: X\r\nProxy-Authorization: Basic eA==\r\n", "")
	f.Add("127.0.0.1:22", "Content-Length: 0\r\n", "")
	f.Add("[::1]:443", "Content-Length: 5\r\n", "hello")
	f.Add("OTHER.test.:443", "Host: y\r\n", "")
	f.Add("x", "Via: 1.1 nobody\r\n", "")
	f.Fuzz(func(t *testing.T, target, fields, buffered string) {
		p := proxytest.Start(t, proxytest.Config{
			Listener: echo(t),
			Hosts:    map[string][]string{"unreachable.test": {"127.0.0.1"}, "private.test": {"127.0.0.1"}},
			Rules:    fastPathRules,
		})
		if target == "origin.test:0" {
			target = p.Target
		}
		fast, fastRecords := connectOnce(t, p, target, fields, buffered)
		standard, standardRecords := connectOnce(t, p, target, throughNetHTTP+fields, buffered)
		if !bytes.Equal(fast, standard) {
			t.Errorf("responses differ\nfast     %q\nnet/http %q", fast, standard)
		}
		if len(fastRecords) != len(standardRecords) {
			t.Fatalf("records differ\nfast     %+v\nnet/http %+v", fastRecords, standardRecords)
		}
		for i := range fastRecords {
			a, b := anonymous(fastRecords[i]), anonymous(standardRecords[i])
			if a, b := marshal(t, a), marshal(t, b); a != b {
				t.Errorf("records differ\nfast     %s\nnet/http %s", a, b)
			}
		}
	})
}

// fastPathRules allow the origin, a name nobody serves, and one that has no address it may be dialled at.
func fastPathRules(port uint16) []policy.RuleSpec {
	return append(proxytest.OriginRule(port),
		policy.RuleSpec{ID: "unreachable", Hosts: []string{"unreachable.test"}, Ports: []uint16{1}, Private: "allow"},
		policy.RuleSpec{ID: "private", Hosts: []string{"private.test"}},
	)
}

// connectOnce makes one CONNECT and returns all that came back, without what differs from one time to
// the next, and its records.
func connectOnce(t *testing.T, p *proxytest.Proxy, target, fields, buffered string) ([]byte, []proxytest.Record) {
	t.Helper()
	before := len(p.Audit.All())
	c := p.Dial()
	defer c.Close()
	// A proxy that refuses at the first byte may have closed before the rest arrives.
	io.WriteString(c.TCPConn, "CONNECT "+target+" HTTP/1.1\r\nHost: x\r\n"+fields+"\r\n"+buffered)
	var got bytes.Buffer
	head := io.TeeReader(c.R, &got)
	for b := make([]byte, 1); !bytes.HasSuffix(got.Bytes(), []byte("\r\n\r\n")); {
		if _, err := head.Read(b); err != nil {
			break
		}
	}
	c.CloseWrite() // sooner, it would be a client that leaves
	io.Copy(&got, c.R)
	want := before + 1
	if bytes.HasPrefix(got.Bytes(), []byte("HTTP/1.1 200 ")) || bytes.Contains(got.Bytes(), []byte("webproxy upstream")) {
		want++
	}
	return unique.ReplaceAll(got.Bytes(), []byte("$1...")), p.Records(want)[before:]
}

var unique = regexp.MustCompile("(id[=:] ?|why |Date: )(T[0-9]{5}|[^\r]* GMT)")

// anonymous is r without what differs from one time to the next.
func anonymous(r proxytest.Record) proxytest.Record {
	r.ID, r.Seq, r.Time, r.ClientPort = "", 0, time.Time{}, 0
	r.Duration, r.DNS, r.Connect = 0, 0, 0
	return r
}

func marshal(t *testing.T, r proxytest.Record) string {
	t.Helper()
	b, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
