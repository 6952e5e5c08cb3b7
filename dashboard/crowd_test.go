package dashboard

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// With any number of slow connections, only a few are open, and the next one is served.
func TestCrowd(t *testing.T) {
	s := httptest.NewUnstartedServer(&Server{Status: &Status{}, Listen: "localhost"})
	crowd := &Crowd{Limit: 4}
	s.Config.ConnState = crowd.ConnState
	s.Start()
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	var slow []net.Conn
	for _, sends := range []string{"", "GET /healthz HTTP/1.1\r\nHost: localh", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		for range 20 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			io.WriteString(c, sends)
			slow = append(slow, c)
			resp, err := http.Get(s.URL + "/healthz")
			if err != nil {
				t.Fatalf("%d slow connections: %v", len(slow), err)
			}
			resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			crowd.mu.Lock()
			if n := len(crowd.open); n > crowd.Limit {
				t.Errorf("%d connections at a time", n)
			}
			crowd.mu.Unlock()
		}
	}
	// The first ones were closed.
	for i, c := range slow[:20] {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) { // a reset is fine too
			t.Fatalf("connection %d is still open", i)
		}
	}
}
