package clienthello

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// helloBytes is what crypto/tls sends first with config.
func helloBytes(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		tls.Client(client, config).Handshake()
		client.Close()
	}()
	b := make([]byte, Limit)
	n, err := server.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// records cuts a ClientHello that stands in one record into records of at most size bytes.
func records(hello []byte, size int) []byte {
	var out []byte
	for part := range slices.Chunk(hello[recordHeader:], size) {
		out = append(out, hello[:3]...)
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)))
		out = append(out, part...)
	}
	return out
}

// readWhole has b scanned in portions of step bytes and parsed.
func readWhole(b []byte, step int) (Hello, ProtocolError) {
	var frame Frame
	for n := min(step, len(b)); ; n = min(n+step, len(b)) {
		whole, f := frame.Scan(b[:n])
		switch {
		case f != NoError:
			return Hello{}, f
		case whole:
			return Parse(frame.Message(b[:n]))
		case n == len(b):
			return Hello{}, ErrIncomplete
		}
	}
}

// What begins a tunnel is told apart as soon as that is possible.
func TestProtocolOf(t *testing.T) {
	for b, want := range map[string]Beginning{
		"":                       BeginsUnclear,
		"\x13":                   BeginsOther,
		"\x14":                   BeginsTLS,
		"\x15":                   BeginsTLS,
		"\x16":                   BeginsTLS,
		"\x17":                   BeginsTLS,
		"\x18":                   BeginsTLS,
		"\x19":                   BeginsOther,
		"\x80":                   BeginsUnclear,
		"\x80\x2e\x01\x03":       BeginsUnclear,
		"\x80\x2e\x01\x03\x00":   BeginsSSL2,
		"\x80\x2e\x01\x03\x04":   BeginsSSL2,
		"\x80\x2e\x01\x00\x02":   BeginsSSL2,
		"\xbf\xff\x01\x03\x01":   BeginsSSL2,
		"\x80\x2e\x01\x03\x05":   BeginsOther,
		"\x80\x2e\x02":           BeginsOther,
		"\xff":                   BeginsOther, // Telnet
		"\xc3":                   BeginsOther, // UTF-8
		"P":                      BeginsUnclear,
		"PROXY":                  BeginsUnclear,
		"PROXY ":                 BeginsPreamble,
		"PROXY TCP4 ":            BeginsPreamble,
		"POST":                   BeginsOther,
		"PRI * HTTP/2.0":         BeginsOther,
		"\r":                     BeginsUnclear,
		"\r\n\r\n\x00\r\nQUIT":   BeginsUnclear,
		"\r\n\r\n\x00\r\nQUIT\n": BeginsPreamble,
		"\r\nGET":                BeginsOther,
		"\x05\x01\x00":           BeginsOther, // SOCKS
	} {
		if got := ProtocolOf([]byte(b)); got != want {
			t.Errorf("%q: %d, want %d", b, got, want)
		}
	}
}

func TestReadHello(t *testing.T) {
	whole := helloBytes(t, &tls.Config{ServerName: "origin.test", NextProtos: []string{"h2", "http/1.1"}})
	if len(whole) < 1460 {
		t.Fatalf("a hello of %d bytes is no post-quantum one", len(whole))
	}
	want, f := readWhole(whole, len(whole))
	if f != "" || want.SNI != "origin.test" || want.ALPN != "h2,http/1.1" || want.VersionWord() != "1.3" || want.ECH || !strings.HasPrefix(want.JA4, "t13d") {
		t.Fatalf("%+v, error %q", want, f)
	}
	for _, size := range []int{1, 3, 4, 5, 1000, maxRecord} {
		b := records(whole, size)
		for _, step := range []int{1, 2, 7, 1460, len(b)} {
			if got, f := readWhole(b, step); f != "" || got != want {
				t.Errorf("records of %d, portions of %d: %+v, error %q", size, step, got, f)
			}
			// Bytes after it do not belong to it.
			if got, f := readWhole(append(bytes.Clone(b), "\x17\x03\x03"...), step); f != "" || got != want {
				t.Errorf("records of %d, portions of %d, with more after it: %+v, error %q", size, step, got, f)
			}
		}
	}
	for n := range len(whole) {
		if _, f := readWhole(whole[:n], 1<<20); f != ErrIncomplete {
			t.Fatalf("%d bytes of %d: error %q", n, len(whole), f)
		}
	}
}

// JA4 as in FoxIO's description, whose example this is.
func TestJA4(t *testing.T) {
	h := clientHello{
		Hello:    Hello{Version: 0x0304, SNI: "example.com"},
		protocol: "h2",
		ciphers: []uint16{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
			0x009d, 0x002f, 0x0035},
		extensions: []uint16{0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
			0xff01, 0x000b, 0x000a, 0x0015, 0x3a3a},
		signatures: []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
	}
	slices.Sort(h.extensions)
	if got, want := h.fingerprint(), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("JA4 %s, want %s", got, want)
	}
	for protocol, want := range map[string]string{"": "00", "h2": "h2", "http/1.1": "h1", "a": "aa", "\xab": "ab", "\xabxy\xcd": "ad", "x-": "7d"} {
		h := clientHello{protocol: protocol}
		if got := string(h.appendALPN(nil)); got != want {
			t.Errorf("protocol %q: %s, want %s", protocol, got, want)
		}
	}
	if got := (&clientHello{Hello: Hello{Version: 0x0301}}).fingerprint(); got != "t10i000000_000000000000_000000000000" {
		t.Errorf("empty hello: %s", got)
	}
}

// build makes a ClientHello in one record, of extensions.
func build(extensions ...[]byte) []byte {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0)
	all := bytes.Join(extensions, nil)
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(all))), all...)
	return wrap(body)
}

func wrap(body []byte) []byte {
	b := []byte{recordHandshake, 3, 1, 0, 0, typeClientHello, 0, byte(len(body) >> 8), byte(len(body))}
	binary.BigEndian.PutUint16(b[3:], uint16(len(body)+messageHeader))
	return append(b, body...)
}

func ext(typ uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

func TestMalformedHello(t *testing.T) {
	name := ext(extServerName, "\x00\x04\x00\x00\x01a")
	whole := build(name)
	change := func(at int, b byte) []byte {
		changed := bytes.Clone(whole)
		changed[at] = b
		return changed
	}
	for what, tt := range map[string]struct {
		want ProtocolError
		b    []byte
	}{
		"whole":                       {NoError, whole},
		"no extensions":               {NoError, wrap(append(append([]byte{3, 3}, make([]byte, 32)...), 0, 0, 2, 0x13, 1, 1, 0))},
		"odd record version":          {NoError, change(1, 2)},
		"server hello":                {ErrNoClientHello, change(5, 2)},
		"server hello, first byte":    {ErrNoClientHello, change(5, 2)[:6]},
		"alert between":               {ErrRecords, append(records(whole, 20)[:25], 21, 3, 3, 0, 2, 2, 50)},
		"empty record":                {ErrRecords, []byte{22, 3, 1, 0, 0}},
		"record too long":             {ErrRecords, []byte{22, 3, 1, 0x40, 1}},
		"more after it in its record": {ErrRecords, func() []byte { b := append(bytes.Clone(whole), 0); b[4]++; return b }()},
		"announced too long":          {ErrTooLarge, []byte{22, 3, 1, 0, 5, 1, 1, 0, 0, 0}},
		"too long in many records":    {ErrTooLarge, bytes.Repeat([]byte{22, 3, 1, 0, 1, 1}, Limit/6+1)},
		"length of the session":       {ErrMalformed, change(9+34, 33)},
		"odd cipher list":             {ErrMalformed, change(9+36, 1)},
		"no compression":              {ErrMalformed, change(9+39, 0)},
		"extensions too long":         {ErrMalformed, change(9+42, 99)},
		"name twice":                  {ErrRepeatedExtension, build(name, name)},
		"unknown extension twice":     {ErrRepeatedExtension, build(ext(0x1234, ""), ext(0x1233, ""), ext(0x1234, ""))},
		"two names":                   {ErrManyNames, build(ext(extServerName, "\x00\x08\x00\x00\x01a\x00\x00\x01b"))},
		"empty name":                  {ErrServerName, build(ext(extServerName, "\x00\x03\x00\x00\x00"))},
		"no name in it":               {ErrServerName, build(ext(extServerName, ""))},
		"behind the name":             {ErrServerName, build(ext(extServerName, "\x00\x04\x00\x00\x01a!"))},
		"name of another type":        {ErrNameType, build(ext(extServerName, "\x00\x04\x01\x00\x01a"))},
		"empty protocol":              {ErrMalformed, build(ext(extALPN, "\x00\x01\x00"))},
		"odd versions":                {ErrMalformed, build(ext(extSupportedVersions, "\x03\x03\x04\x03"))},
		"no signatures":               {ErrMalformed, build(ext(extSignatures, "\x00\x00"))},
	} {
		for _, step := range []int{1, len(tt.b)} {
			if _, f := readWhole(tt.b, step); f != tt.want {
				t.Errorf("%s, in portions of %d: error %q, want %q", what, step, f, tt.want)
			}
		}
	}
	// Versions: the list counts, what means nothing in it does not.
	for data, want := range map[string]string{"\x06\x0a\x0a\x03\x04\x03\x03": "1.3", "\x02\xfa\xfa": "1.2", "\x04\x7f\x1c\x03\x01": "0x7f1c"} {
		if h, f := readWhole(build(ext(extSupportedVersions, data)), 1<<20); f != "" || h.VersionWord() != want {
			t.Errorf("versions %x: %s, error %q, want %s", data, h.VersionWord(), f, want)
		}
	}
	if h, f := readWhole(build(ext(extECH, "x")), 1<<20); f != "" || !h.ECH || h.SNI != "" {
		t.Errorf("ECH: %+v, error %q", h, f)
	}
}

// A ClientHello that is let through is read the same however it is cut, and crypto/tls, as a server, reads
// the same name from it, or refuses it.
func FuzzHello(f *testing.F) {
	f.Add(helloBytes(f, &tls.Config{ServerName: "origin.test", NextProtos: []string{"h2"}}), 1)
	f.Add(helloBytes(f, &tls.Config{ServerName: "origin.test", MaxVersion: tls.VersionTLS12}), 100)
	f.Add(build(ext(extServerName, "\x00\x04\x00\x00\x01a"), ext(extECH, "x")), 7)
	f.Add(records(build(ext(extServerName, "\x00\x04\x00\x00\x01a")), 9), 7)
	f.Add(append([]byte("\x15\x03\x01\x00\x02\x01\x5a"), helloBytes(f, &tls.Config{ServerName: "origin.test"})...), 3)
	f.Add([]byte("\x80\x2e\x01\x03\x03\x00\x15\x00\x00\x00\x10"), 1)
	f.Add([]byte("PROXY TCP4 10.0.0.1 10.0.0.2 1 443\r\n"), 1)
	f.Add([]byte("\x1600\x00\t\x01\x00000000000000"), 1) // the first byte of a second record, read in pieces and at once
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if len(b) == 0 {
			return
		}
		h, err := readWhole(b, len(b))
		if cut, cutErr := readWhole(b, max(step, 1)); cut != h || cutErr != err {
			t.Fatalf("in one: %+v %q; in portions of %d: %+v %q", h, err, step, cut, cutErr)
		}
		if err != NoError {
			if name, ok := goServerName(b); ok && err == ErrNoTLS {
				t.Fatalf("passes as no TLS; crypto/tls reads a hello for %q", name)
			}
			return
		}
		if len(h.JA4) != 36 {
			t.Fatalf("JA4 %q", h.JA4)
		}
		if name, ok := goServerName(b); ok && name != strings.TrimSuffix(h.SNI, ".") {
			t.Fatalf("name %q, crypto/tls read %q", h.SNI, name)
		}
	})
}

// goServerName is the name that crypto/tls reads from a ClientHello; false if it takes none.
func goServerName(b []byte) (name string, ok bool) {
	stop := errors.New("seen")
	server := tls.Server(&readOnly{r: bytes.NewReader(b)}, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			name, ok = info.ServerName, true
			return nil, stop
		},
	})
	server.Handshake()
	return name, ok
}

// readOnly is a connection that nothing leaves.
type readOnly struct {
	net.Conn
	r *bytes.Reader
}

func (c *readOnly) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *readOnly) Write(p []byte) (int, error)      { return len(p), nil }
func (c *readOnly) SetWriteDeadline(time.Time) error { return nil }
func (c *readOnly) Close() error                     { return nil }

// However what follows a ClientHello is cut, the same of it passes; and no handshake record does before the watch is over.
func FuzzHelloWatch(f *testing.F) {
	f.Add([]byte("\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x02ab\x16\x03\x03\x00\x01\x01"), 1, true)
	f.Add([]byte("\x15\x03\x03\x00\x02\x01\x5a\x17\x03\x03\x00\x02ab\x16"), 3, false)
	f.Fuzz(func(t *testing.T, b []byte, step int, early bool) {
		whole := Watch{Early: early}
		want := whole.Pass(b)
		cut := Watch{Early: early}
		got := 0
		for part := range slices.Chunk(b, min(max(step, 1), 1<<20)) {
			n := cut.Pass(part)
			got += n
			if n < len(part) {
				break
			}
		}
		if got != want || cut.Over != whole.Over {
			t.Fatalf("%d pass in portions, %d in one", got, want)
		}
		if want < len(b) && (whole.Over || b[want] != recordHandshake) {
			t.Fatalf("held back at byte %d, %x", want, b[want])
		}
		for at := 0; at < want && !(b[at] == recordApplicationData && !early); {
			if b[at] == recordHandshake {
				t.Fatalf("a handshake record passes at %d", at)
			}
			if at += recordHeader; at > want {
				break
			}
			at += int(b[at-2])<<8 | int(b[at-1])
		}
	})
}
