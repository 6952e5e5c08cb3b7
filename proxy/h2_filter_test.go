package proxy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"webproxy/audit"
	"webproxy/internal/proxytest"
)

// An h2Client speaks HTTP/2 inside inspected TLS, frame by frame.
type h2Client struct {
	*http2.Framer
	t      *testing.T
	conn   *tls.Conn
	stream uint32
}

// openH2 opens the TLS of a tunnel, as a client of HTTP/2.
func (p *inspected) openH2(t *testing.T) *h2Client {
	t.Helper()
	c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted, NextProtos: []string{"h2"}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.NetConn().Close() })
	io.WriteString(c, http2.ClientPreface)
	h := &h2Client{Framer: http2.NewFramer(c, c), t: t, conn: c, stream: ^uint32(0)}
	h.AllowIllegalWrites = true
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.WriteSettings()
	return h
}

// block encodes fields, each "name=value".
func block(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		e.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	return b.Bytes()
}

// ask sends a request of fields on a new stream and returns the status, the reset, or the end of the connection, and the
// body.
func (c *h2Client) ask(fields ...string) (outcome, body string) {
	c.t.Helper()
	c.stream += 2
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: block(fields...), EndHeaders: true, EndStream: true})
	return c.outcome()
}

func (c *h2Client) outcome() (outcome, body string) {
	c.t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return outcome + " end", body
			}
			c.t.Fatalf("%v after %q", err, outcome)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.WriteSettingsAck()
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return "goaway " + f.ErrCode.String(), ""
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == c.stream {
				return "reset " + f.ErrCode.String(), ""
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == c.stream {
				outcome = f.PseudoValue("status")
			}
			if f.StreamEnded() {
				return outcome, body
			}
		case *http2.DataFrame:
			if body += string(f.Data()); f.StreamEnded() {
				return outcome, body
			}
		}
	}
}

// A request in HTTP/2 passes the grammar of HTTP/1.1 and of HTTP/2, or is reset and recorded; the connection goes on.
func TestH2Malformed(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Method, " ", r.RequestURI, " ", r.Host)
	}), leafSpec{})
	usual := func(path string) []string {
		return []string{":method=GET", ":scheme=https", ":authority=" + p.Target, ":path=" + path}
	}
	with := func(more ...string) []string { return append(usual("/allowed/x"), more...) }
	const reset = "reset PROTOCOL_ERROR"
	c := p.openH2(t)
	for _, tt := range []struct {
		outcome string
		detail  string // of the only record
		fields  []string
	}{
		// what no request target may hold
		{reset, "not allowed in a request target", usual("/allowed/secret#x")},
		{reset, "not allowed in a request target", usual("/allowed/a b")},
		{reset, "not allowed in a request target", usual("/allowed HTTP/1.1")},
		{reset, "not allowed in a request target", usual("/allowed/\tx")},
		{reset, "not allowed in a request target", usual("/allowed/\x80")},
		{reset, "not allowed in a request target", usual("/allowed/ä?ä")},
		{reset, "control byte", usual("/allowed/\x7f")},
		{reset, "control byte", usual("/allowed/\r\nHost: evil.test")},
		{reset, "control byte", usual("/allowed\x00")},
		{reset, "percent escape", usual("/allowed/%gg")},
		{reset, "malformed request line", usual("")},
		{reset, "none of the four forms", usual("allowed")},
		{reset, "none of the four forms", usual("*")},
		{reset, "not allowed in a request target", append([]string{":method=G T"}, usual("/allowed")[1:]...)},
		{reset, "malformed method", append([]string{":method=G/T"}, usual("/allowed")[1:]...)},
		{reset, "control byte", append([]string{":method=GET /\r\n"}, usual("/allowed")[1:]...)},
		{reset, "malformed method", append([]string{":method="}, usual("/allowed")[1:]...)},
		{reset, "malformed Host", []string{":method=GET", ":scheme=https", ":authority=a b", ":path=/allowed"}},
		{reset, "malformed Host", []string{":method=GET", ":scheme=https", ":authority=\xff", ":path=/allowed"}},
		// pseudo-header fields
		{reset, "pseudo-header", usual("/allowed")[1:]},
		{reset, "pseudo-header", usual("/allowed")[:3]},
		{reset, "pseudo-header", append([]string{":scheme=http"}, append(usual("/")[:1], usual("/allowed")[2:]...)...)},
		{reset, "pseudo-header", append([]string{":scheme=ht tp"}, append(usual("/")[:1], usual("/allowed")[2:]...)...)},
		{reset, "pseudo-header", append(usual("/allowed"), ":path=/allowed/secret")},
		{reset, "pseudo-header", append(usual("/allowed"), ":status=200")},
		{reset, "pseudo-header", append(usual("/allowed"), ":protocol=websocket")},
		{reset, "field name", append(usual("/allowed"), "x=y", ":path=/allowed")},
		{reset, "pseudo-header", []string{":method=CONNECT", ":scheme=https", ":authority=" + p.Target, ":path=/allowed", ":protocol=websocket"}},
		{reset, "no Host", []string{":method=GET", ":scheme=https", ":path=/allowed"}},
		// fields
		{reset, "more than one Host", with("host=evil.test")},
		{reset, "more than one Host", with("host="+p.Target, "host="+p.Target)},
		{reset, "field name", with("X-Upper=a")},
		{reset, "field name", with("x y=a")},
		{reset, "field name", with("=a")},
		{reset, "field name", with("x\r\n=a")},
		{reset, "control byte", with("x=a\r\nevil: b")},
		{reset, "control byte", with("x=a\x00")},
		{reset, "control byte", with("x=a\x01")},
		{reset, "about the connection", with("connection=close")},
		{reset, "about the connection", with("upgrade=websocket")},
		{reset, "about the connection", with("transfer-encoding=chunked")},
		{reset, "about the connection", with("te=gzip")},
		{reset, "more than one Content-Length", with("content-length=0", "content-length=0")},
		{reset, "malformed Content-Length", with("content-length=+0")},
		{reset, "Expect", with("expect=cake")},
	} {
		before := len(p.Audit.All())
		if got, _ := c.ask(tt.fields...); got != tt.outcome {
			t.Errorf("%.80q: %s, want %s", tt.fields, got, tt.outcome)
		}
		r := p.Records(before + 1)[before]
		if len(p.Audit.All()) != before+1 && before > 1 || r.Decision != "deny" || r.Reason != "bad_request" || !strings.Contains(r.Detail, tt.detail) ||
			r.Type != audit.TypeDecision || r.Host != proxytest.Host || r.Scheme != "https" || !r.Inspected || r.Status != 0 || r.Error != "http_request_error" {
			t.Errorf("%.80q: record %+v", tt.fields, r)
		}
	}
	// The same connection serves what is one.
	for _, tt := range []struct {
		outcome, body string
		fields        []string
	}{
		{"200", "GET /allowed/a?b " + p.Target, usual("/allowed/a?b")},
		{"200", "GET /allowed/x " + p.Target, with("host="+p.Target, "te=trailers", "cookie=a=b", "cookie=c=d", "x=\xe4")},
		{"200", "GET /allowed/x " + p.Target, []string{":method=GET", ":scheme=https", ":path=/allowed/x", "host=" + p.Target}},
		{"403", "denied: path_not_allowed", usual("/other")},
		{"403", "denied: denied_by_rule", usual("/allowed/secret")},
		{"400", "denied: bad_target", []string{":method=GET", ":scheme=https", ":authority=evil.test", ":path=/allowed"}},
		{"400", "denied: bad_target", usual("https://" + p.Target + "/allowed")},
		{"403", "denied: path_not_allowed", []string{":method=OPTIONS", ":scheme=https", ":authority=" + p.Target, ":path=*"}},
		{"400", "denied: bad_target", []string{":method=CONNECT", ":authority=" + p.Target}},
	} {
		if outcome, body := c.ask(tt.fields...); outcome != tt.outcome || !strings.Contains(body, tt.body) {
			t.Errorf("%.80q: %s %q, want %s %q", tt.fields, outcome, body, tt.outcome, tt.body)
		}
	}
}

// Field sections may be cut and padded; too large or broken ones end the stream or the connection, with a record.
func TestH2Sections(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %q %q", r.RequestURI, body, r.Trailer.Get("X-Trailer"))
	}), leafSpec{})
	request := []string{":method=POST", ":scheme=https", ":authority=" + p.Target, ":path=/allowed"}

	c := p.openH2(t)
	b := block(append(request, "x=y")...)
	c.stream += 2
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: b[:5], PadLength: 9, Priority: http2.PriorityParam{Weight: 3}})
	c.WriteContinuation(c.stream, false, b[5:9])
	c.WriteContinuation(c.stream, true, b[9:])
	c.WriteDataPadded(c.stream, false, []byte("hello"), make([]byte, 7))
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: block("x-trailer=z"), EndHeaders: true, EndStream: true})
	if outcome, body := c.outcome(); outcome != "200" || body != `/allowed "hello" ""` {
		t.Errorf("cut: %s %s", outcome, body)
	}
	// A field section that is large, and still one.
	if outcome, body := c.ask(append(request, "x="+strings.Repeat("a", 20_000))...); outcome != "200" {
		t.Errorf("large: %s %s", outcome, body)
	}
	for _, tt := range []struct {
		name, outcome, detail string
		send                  func(c *h2Client)
	}{
		{"too large", "reset PROTOCOL_ERROR", "head too large", func(c *h2Client) {
			b := block(append(request, "x="+strings.Repeat("~", 10_000), "y="+strings.Repeat("~", 10_000), "z="+strings.Repeat("~", 14_000))...)
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:16000], EndStream: true})
			c.WriteContinuation(1, false, b[16000:32000])
			c.WriteContinuation(1, true, b[32000:])
		}},
		{"a field too large", "goaway PROTOCOL_ERROR", "head too large", func(c *h2Client) {
			b := block(append(request, "x="+strings.Repeat("~", 33_000))...)
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:16000], EndStream: true})
			c.WriteContinuation(1, false, b[16000:32000])
			c.WriteContinuation(1, true, b[32000:])
		}},
		{"trailers with a path", "reset PROTOCOL_ERROR", "", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(request...), EndHeaders: true})
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(":path=/allowed/secret"), EndHeaders: true, EndStream: true})
		}},
		{"trailers with a line break", "reset PROTOCOL_ERROR", "", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(request...), EndHeaders: true})
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block("x=a\nb"), EndHeaders: true, EndStream: true})
		}},
		{"HPACK", "goaway COMPRESSION_ERROR", "HPACK", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80}, EndHeaders: true, EndStream: true})
		}},
		{"HPACK cut off", "goaway COMPRESSION_ERROR", "HPACK", func(c *h2Client) {
			b := block(request...)
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:len(b)-1], EndHeaders: true, EndStream: true})
		}},
		{"a frame between", "goaway PROTOCOL_ERROR", "out of order", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(request...)})
			c.WritePing(false, [8]byte{})
		}},
		{"CONTINUATION alone", "goaway PROTOCOL_ERROR", "out of order", func(c *h2Client) { c.WriteContinuation(1, true, block(request...)) }},
		{"a stream of the server's", "goaway PROTOCOL_ERROR", "out of order", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: block(request...), EndHeaders: true, EndStream: true})
		}},
		{"a push", "goaway PROTOCOL_ERROR", "out of order", func(c *h2Client) {
			c.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: block(request...), EndHeaders: true})
		}},
		{"padding beyond the frame", "goaway PROTOCOL_ERROR", "out of order", func(c *h2Client) {
			c.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersPadded|http2.FlagHeadersEndHeaders, 1, []byte{200, 1, 2})
		}},
		{"a frame that is too large", "goaway FRAME_SIZE_ERROR", "", func(c *h2Client) {
			c.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, make([]byte, 16<<10+1))
		}},
		{"no end of CONTINUATION", "goaway PROTOCOL_ERROR", "head too large", func(c *h2Client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(request...)})
			b := block("x=" + strings.Repeat("~", 1000))
			for range 1000 {
				if c.WriteContinuation(1, false, b) != nil {
					break
				}
			}
		}},
	} {
		// It answers no request whose end has not come: what comes after a response cannot reset it any more.
		p := startInspected(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), leafSpec{})
		for i, f := range request {
			if strings.HasPrefix(f, ":authority=") {
				request[i] = ":authority=" + p.Target
			}
		}
		c := p.openH2(t)
		c.stream = 1
		tt.send(c)
		if got, _ := c.outcome(); got != tt.outcome {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.outcome)
		}
		if tt.detail == "" {
			continue
		}
		if r := p.Records(2)[1]; r.Decision != "deny" || r.Reason != "bad_request" || !strings.Contains(r.Detail, tt.detail) {
			t.Errorf("%s: record %+v", tt.name, r)
		}
	}
}

// Who agreed on HTTP/2 and does not speak it is recorded.
func TestH2Preface(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached the origin") }), leafSpec{})
	c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted, NextProtos: []string{"h2"}})
	io.WriteString(c, "GET /allowed HTTP/1.1\r\nHost: "+p.Target+"\r\n\r\n")
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("the client gets %q", b)
	}
	c.Close()
	found := false
	for _, r := range p.Records(3) {
		found = found || r.Reason == "bad_request" && strings.Contains(r.Detail, "preface")
	}
	if !found {
		t.Errorf("no record: %+v", p.Audit.All())
	}
}
