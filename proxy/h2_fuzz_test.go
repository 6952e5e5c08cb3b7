package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
	"webproxy/proxy/internal/http1"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What the filter of HTTP/2 takes for a request, net/http reads as the same one when it comes by HTTP/1.1.
func FuzzH2Request(f *testing.F) {
	f.Add("GET", "/a?b", "origin.test", "x", "y")
	f.Add("GET", "/a HTTP/1.1\r\nx: y", "origin.test", "x", "y")
	f.Add("POST", "/a#b", "origin.test:443", "content-length", "5")
	f.Add("OPTIONS", "*", "[::1]:443", "host", "origin.test")
	f.Add("CONNECT", "", "origin.test:443", "te", "trailers")
	f.Fuzz(func(t *testing.T, method, path, authority, name, value string) {
		fields := []hpack.HeaderField{{Name: ":method", Value: method}, {Name: ":authority", Value: authority}}
		target := authority
		if method != "CONNECT" {
			fields = append(fields, hpack.HeaderField{Name: ":scheme", Value: "https"}, hpack.HeaderField{Name: ":path", Value: path})
			target = path
		}
		fields = append(fields, hpack.HeaderField{Name: name, Value: value})
		if why, _ := new(h2Filter).check(fields); why != http1.NoError {
			return
		}
		head, _, _ := appendH1Head(nil, fields)
		r := bufio.NewReader(bytes.NewReader(head))
		req, err := http.ReadRequest(r)
		if err != nil || r.Buffered() > 0 {
			t.Fatalf("%q: %v, %d bytes left", head, err, r.Buffered())
		}
		if req.Method != method || req.RequestURI != target || len(req.Header) > 1 {
			t.Fatalf("%q is read as %s %s %v", head, req.Method, req.RequestURI, req.Header)
		}
	})
}

// Whatever a client sends, each request that net/http reads behind the filter is one, or malformed in the one way that has
// it reset the stream.
func FuzzH2Filter(f *testing.F) {
	frames := func(send func(*http2.Framer)) []byte {
		b := bytes.NewBufferString(http2.ClientPreface)
		fr := http2.NewFramer(b, nil)
		fr.AllowIllegalWrites = true
		send(fr)
		return b.Bytes()
	}
	good := encode(hpack.HeaderField{Name: ":method", Value: "GET"}, hpack.HeaderField{Name: ":scheme", Value: "https"},
		hpack.HeaderField{Name: ":authority", Value: "origin.test"}, hpack.HeaderField{Name: ":path", Value: "/a"}, hpack.HeaderField{Name: "x", Value: "y"})
	f.Add(frames(func(fr *http2.Framer) {
		fr.WriteSettings()
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: good, EndHeaders: true})
		fr.WriteData(1, false, []byte("hello"))
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(hpack.HeaderField{Name: "t", Value: "z"}), EndHeaders: true, EndStream: true})
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: good[:4], PadLength: 3, Priority: http2.PriorityParam{Weight: 1}})
		fr.WriteContinuation(3, true, good[4:])
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: good, EndHeaders: true})
	}))
	f.Add(frames(func(fr *http2.Framer) {
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(hpack.HeaderField{Name: ":path", Value: "/#"}), EndHeaders: true})
		fr.WritePing(false, [8]byte{})
	}))
	srv := new(Server)
	srv.Prepare()
	f.Fuzz(func(t *testing.T, b []byte) {
		n := &inspection{srv: srv, tunnel: &exchange{client: &clientConn{tcp: new(net.TCPConn)}}}
		filter := newH2Filter(nil, n)
		filter.Conn = bytesConn{bytes.NewReader(b)}
		out, _ := io.ReadAll(filter)
		out, ok := bytes.CutPrefix(out, []byte(http2.ClientPreface))
		if !ok {
			if len(out) > 0 {
				t.Fatalf("%q passes without a preface", out)
			}
			return
		}
		reader := http2.NewFramer(io.Discard, bytes.NewReader(out))
		reader.SetMaxReadFrameSize(h2FrameSize)
		reader.ReadMetaHeaders = hpack.NewDecoder(h2TableSize, nil)
		last := uint32(0)
		for {
			frame, err := reader.ReadFrame()
			if errors.As(err, new(http2.StreamError)) {
				t.Fatalf("net/http would reset a stream by itself: %v", err)
			}
			if err != nil {
				return
			}
			m, ok := frame.(*http2.MetaHeadersFrame)
			if !ok || m.StreamID <= last {
				continue
			}
			last = m.StreamID
			if m.Truncated {
				t.Fatal("a field section that net/http would answer by itself")
			}
			if len(m.Fields) == 1 && m.Fields[0] == malformedSection[0] {
				continue
			}
			if why, err := new(h2Filter).check(m.Fields); why != http1.NoError {
				t.Fatalf("%v passes: %s, %v", m.Fields, why.Error(), err)
			}
			if _, err := url.ParseRequestURI(m.PseudoValue("path")); err != nil && m.PseudoValue("method") != "CONNECT" && m.PseudoValue("path") != "*" {
				t.Fatalf("net/http would reset the stream: %v", err)
			}
		}
	})
}

func encode(fields ...hpack.HeaderField) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		e.WriteField(f)
	}
	return b.Bytes()
}

// bytesConn is a connection from which r comes.
type bytesConn struct{ r *bytes.Reader }

func (c bytesConn) Read(p []byte) (int, error)     { return c.r.Read(p) }
func (bytesConn) Write(p []byte) (int, error)      { return len(p), nil }
func (bytesConn) Close() error                     { return nil }
func (bytesConn) LocalAddr() net.Addr              { return nil }
func (bytesConn) RemoteAddr() net.Addr             { return nil }
func (bytesConn) SetDeadline(time.Time) error      { return nil }
func (bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (bytesConn) SetWriteDeadline(time.Time) error { return nil }
