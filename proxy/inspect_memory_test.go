package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"webproxy/internal/proxytest"
	"webproxy/proxy"
)

// An frameClient is a client that says every frame of HTTP/2 inside a tunnel itself.
type frameClient struct {
	*http2.Framer
	conn *tls.Conn
	t    *testing.T
	path string
	host string
	next uint32 // stream
}

// openHTTP2 opens the TLS of a tunnel, and begins HTTP/2.
func (p *inspected) openHTTP2(t *testing.T) *frameClient {
	t.Helper()
	c := tls.Client(p.Connect(""), &tls.Config{ServerName: proxytest.Host, RootCAs: p.Trusted, NextProtos: []string{"h2"}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, http2.ClientPreface)
	h := &frameClient{Framer: http2.NewFramer(c, c), conn: c, t: t, host: p.Target, path: "/allowed", next: 1}
	if err := h.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return h
}

// request begins one, of which a body follows if it is a POST. It returns its stream.
func (h *frameClient) request(method string) uint32 {
	h.t.Helper()
	id, err := h.tryRequest(method)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// tryRequest is request on a connection that may have ended.
func (h *frameClient) tryRequest(method string) (uint32, error) {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", method}, {":scheme", "https"}, {":authority", h.host}, {":path", h.path}} {
		enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	id := h.next
	h.next += 2
	return id, h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: method != "POST"})
}

// until reads frames to the first that is wanted; an error of the connection fails the test.
func (h *frameClient) until(wanted func(http2.Frame) bool) {
	h.t.Helper()
	for {
		f, err := h.ReadFrame()
		if err != nil {
			h.t.Fatal(err)
		}
		if wanted(f) {
			return
		}
	}
}

// A floodOrigin answers with a body that does not end, and counts what was taken of it.
type floodOrigin struct {
	sent  atomic.Int64
	conns sync.Map // by remote address
}

func (o *floodOrigin) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	o.conns.Store(r.RemoteAddr, true)
	b := make([]byte, 16<<10)
	for {
		n, err := rw.Write(b)
		o.sent.Add(int64(n))
		if err != nil || r.Context().Err() != nil {
			return
		}
	}
}

// settled is what was sent when no more is for a while: what this host would never take counts as much as
// what it takes late, so the test can only pass too early, never fail too early.
func (o *floodOrigin) settled() int64 {
	for seen := int64(-1); ; {
		now := o.sent.Load()
		if now == seen && now > 0 {
			return now
		}
		seen = now
		time.Sleep(300 * time.Millisecond)
	}
}

// A client that asks for much and takes nothing makes the proxy take no more from the origin than the window
// of one connection, whatever the number of requests; and there are no more of those than 100.
func TestInspectClosedWindows(t *testing.T) {
	proxytest.Parallel(t)
	origin := new(floodOrigin)
	p := startInspected(t, origin, leafSpec{})
	c := p.openHTTP2(t)
	for range 240 {
		c.request("GET")
	}
	refused := 0
	for answered := 0; answered < 100 || refused < 140; {
		f, err := c.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			answered++
		case *http2.RSTStreamFrame:
			refused++
			if f.ErrCode != http2.ErrCodeRefusedStream && f.ErrCode != http2.ErrCodeProtocol {
				t.Errorf("a stream too many ended with %v", f.ErrCode)
			}
		}
		if answered+refused > 240 {
			t.Fatalf("%d answered, %d refused", answered, refused)
		}
		if refused == 140 && answered < 100 && origin.sent.Load() >= 1<<20 {
			break // the window is used up by some of the requests
		}
	}
	// 1 MiB of the window, and what is in buffers of the sockets and of net/http.
	if sent := origin.settled(); sent > 16<<20 {
		t.Errorf("the origin could send %d MiB of responses that nobody takes", sent>>20)
	}
	conns := 0
	origin.conns.Range(func(any, any) bool { conns++; return true })
	if conns != 1 {
		t.Errorf("%d connections to an origin that speaks HTTP/2", conns)
	}
	c.conn.NetConn().Close()
}

// One client's tunnels take no more than its share of the memory for inspected TLS; what is beyond is refused, with
// records, and what ends gives its part back.
func TestInspectMemoryShare(t *testing.T) {
	var once sync.Once
	hold := make(chan struct{})
	p := startInspectedWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(200)
		http.NewResponseController(rw).Flush()
		<-hold
	}), leafSpec{}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) {
			setup(s)
			s.Options.InspectionMemory = 8 << 20 // of which a client has 2 MiB
		}
	})
	release := func() { once.Do(func() { close(hold) }) }
	t.Cleanup(release)
	c := p.openHTTP2(t)
	status := map[uint32]string{}
	dec := hpack.NewDecoder(4096, nil)
	for range 10 {
		id := c.request("GET")
		status[id] = statusOf(t, c, dec, id)
	}
	counts := map[string]int{}
	for _, s := range status {
		counts[s]++
	}
	// 2 MiB, less 256 KiB for the tunnel, are 4 requests of 384 KiB.
	if counts["200"] != 4 || counts["503"] != 6 {
		t.Errorf("responses %v, want 4 of 200 and 6 of 503", counts)
	}
	denied := 0
	for _, r := range p.Records(11) {
		if r.Reason == "overloaded" && strings.Contains(r.Detail, "proxy.inspection_memory") {
			denied++
		}
	}
	if denied != 6 {
		t.Errorf("%d records of refusals, want 6", denied)
	}
	if used := p.Server.Stats().InspectionMemory; used != 256<<10+4*384<<10 {
		t.Errorf("%d KiB in use", used>>10)
	}
	release()
	c.conn.NetConn().Close()
	p.Records(2 + 4*2 + 6)
	deadline := time.Now().Add(proxytest.Patience)
	for p.Server.Stats().InspectionMemory != 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d KiB are not given back", p.Server.Stats().InspectionMemory>>10)
		}
		time.Sleep(time.Millisecond)
	}
}

// A client's inspected tunnels together have no more connections to origins than its share, though each of their
// requests would need one of its own; others are not kept out, and what ends gives its part back.
func TestInsideConnsShare(t *testing.T) {
	hold := make(chan struct{})
	p := startInspectedWith(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(200)
		http.NewResponseController(rw).Flush()
		<-hold
	}), leafSpec{http1: true}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) {
			setup(s)
			s.Options.MaxConnectionsPerClient = 5
		}
	})
	var once sync.Once
	release := func() { once.Do(func() { close(hold) }) }
	t.Cleanup(release)
	c := p.openHTTP2(t)
	status := map[string]int{}
	dec := hpack.NewDecoder(4096, nil)
	for range 8 {
		status[statusOf(t, c, dec, c.request("GET"))]++
	}
	if status["200"] != 5 || status["503"] != 3 {
		t.Errorf("responses %v, want 5 of 200 and 3 of 503", status)
	}
	release()
	c.conn.NetConn().Close()
	p.Records(2 + 8*2)
	for end := time.Now().Add(proxytest.Patience); p.Server.Stats().InsideConns != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are not given back", p.Server.Stats().InsideConns)
		}
	}
}

// statusOf waits for the head of the response on stream id, and returns its status.
func statusOf(t *testing.T, c *frameClient, dec *hpack.Decoder, id uint32) (status string) {
	t.Helper()
	c.until(func(f http2.Frame) bool {
		h, ok := f.(*http2.HeadersFrame)
		if !ok || h.StreamID != id {
			return false
		}
		fields, err := dec.DecodeFull(h.HeaderBlockFragment())
		if err != nil {
			t.Fatal(err)
		}
		status = fields[0].Value
		return true
	})
	return status
}
