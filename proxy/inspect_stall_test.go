package proxy_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// startStalling starts an inspecting proxy whose stall_timeout is short.
func startStalling(t *testing.T, origin http.Handler) *inspected {
	return startInspectedWith(t, origin, leafSpec{}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) {
			setup(s)
			s.Options.StallTimeout = setting.Duration(100 * time.Millisecond)
		}
	})
}

// A request inside HTTP/2 whose client keeps its window closed ends after stall_timeout, and with it nothing else.
func TestInspectStallClosedWindow(t *testing.T) {
	p := startStalling(t, new(floodOrigin))
	c := p.openHTTP2(t)
	id := c.request("GET")
	c.until(func(f http2.Frame) bool {
		_, reset := f.(*http2.RSTStreamFrame)
		return reset && f.Header().StreamID == id
	})
	if r := p.Records(3)[2]; r.Type != "egress.close" || r.Error != "connection_write_timeout" || r.Status != 200 {
		t.Errorf("close record: %+v", r)
	}
	c.WritePing(false, [8]byte{1})
	c.until(func(f http2.Frame) bool {
		ping, ok := f.(*http2.PingFrame)
		return ok && ping.IsAck()
	})
	c.conn.NetConn().Close()
}

// What net/http holds back of a small response, behind a closed window, does not stay either.
func TestInspectStallSmallResponse(t *testing.T) {
	p := startStalling(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "small") }))
	c := p.openHTTP2(t)
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	id := c.request("GET")
	c.until(func(f http2.Frame) bool {
		_, reset := f.(*http2.RSTStreamFrame)
		return reset && f.Header().StreamID == id
	})
	c.conn.NetConn().Close()
}

// A client that opens its windows but does not read its socket ends with all that is inside.
func TestInspectStallUnreadSocket(t *testing.T) {
	proxytest.Parallel(t)
	p := startStalling(t, new(floodOrigin))
	c := p.openHTTP2(t)
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteWindowUpdate(0, 1<<30); err != nil {
		t.Fatal(err)
	}
	// If this machine pauses while there is room in the socket, a request ends alone, and the connection has to have another one.
	var words map[string][]string
	for n := 1; words["CONNECT"] == nil; n++ {
		if _, err := c.tryRequest("GET"); err != nil && n == 1 {
			t.Fatal(err)
		}
		words = closeWords(p, n)
	}
	if words = closeWords(p, 2); len(words["CONNECT"]) != 1 || words["GET"] == nil {
		t.Errorf("close records: %v", words)
	}
}

// A body that never comes ends its request, at the origin too.
func TestInspectStallBody(t *testing.T) {
	gone := make(chan error, 1)
	p := startStalling(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		gone <- err
	}))
	c := p.openHTTP2(t)
	id := c.request("POST")
	if err := c.WriteData(id, false, []byte("some of it")); err != nil {
		t.Fatal(err)
	}
	c.until(func(f http2.Frame) bool {
		_, reset := f.(*http2.RSTStreamFrame)
		return reset && f.Header().StreamID == id
	})
	select {
	case err := <-gone:
		if err == nil {
			t.Error("the origin takes the part for the whole")
		}
	case <-time.After(proxytest.Patience):
		t.Error("the origin still waits")
	}
	if words := closeWords(p, 1); words["POST"] == nil {
		t.Errorf("close records: %v", words)
	}
	c.conn.NetConn().Close()
}

// A client that is silent while it is answered does not stall: the two are in a dialogue.
func TestInspectDialogue(t *testing.T) {
	more := make(chan struct{})
	p := startStalling(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.NewResponseController(rw).EnableFullDuplex()
		rw.WriteHeader(200)
		http.NewResponseController(rw).Flush()
		<-more
		io.Copy(rw, r.Body)
	}))
	c := p.openHTTP2(t)
	// A response that is late, because this machine pauses, is a stall; then there is another request.
	var id uint32
	for answered := false; !answered; {
		id = c.request("POST")
		c.until(func(f http2.Frame) bool {
			_, answered = f.(*http2.HeadersFrame)
			_, reset := f.(*http2.RSTStreamFrame)
			return (answered || reset) && f.Header().StreamID == id
		})
	}
	for range 5 { // as long as five stall limits
		time.Sleep(100 * time.Millisecond)
	}
	close(more)
	if err := c.WriteData(id, true, []byte("late")); err != nil {
		t.Fatal(err)
	}
	var body []byte
	c.until(func(f http2.Frame) bool {
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			t.Fatalf("reset: %v", f.ErrCode)
		case *http2.DataFrame:
			body = append(body, f.Data()...)
			return f.StreamEnded()
		}
		return false
	})
	if string(body) != "late" {
		t.Errorf("the response is %q", body)
	}
	c.conn.NetConn().Close()
}

// closeWords waits for n close records and returns their errors by method.
func closeWords(p *inspected, n int) map[string][]string {
	for have := n; ; have++ {
		words, found := map[string][]string{}, 0
		for _, r := range p.Records(have) {
			if r.Type == "egress.close" {
				words[r.Method] = append(words[r.Method], r.Error)
				found++
			}
		}
		if found >= n {
			return words
		}
	}
}
