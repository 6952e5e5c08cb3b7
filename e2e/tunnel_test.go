//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"
)

// A webSocketOrigin echoes messages, under the path /echo.
func webSocketOrigin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/echo", websocket.Handler(func(ws *websocket.Conn) {
		for {
			var msg string
			if websocket.Message.Receive(ws, &msg) != nil || websocket.Message.Send(ws, "echo "+msg) != nil {
				return
			}
		}
	}))
	return mux
}

// converse exchanges messages over conn, which must lead to a webSocketOrigin.
func converse(t *testing.T, conn io.ReadWriteCloser, url string) {
	t.Helper()
	config, err := websocket.NewConfig(url, "http://e2e.test")
	if err != nil {
		t.Fatal(err)
	}
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return
	}
	defer ws.Close()
	for i, size := range []int{1, 100, 70_000, 0, 5} {
		sent, got := strings.Repeat(fmt.Sprint(i), size), ""
		if err := websocket.Message.Send(ws, sent); err != nil {
			t.Fatalf("%s: message %d: %v", url, i, err)
		}
		if err := websocket.Message.Receive(ws, &got); err != nil || got != "echo "+sent {
			t.Fatalf("%s: message %d: %d bytes come back, want %d (%v)", url, i, len(got), len(sent)+5, err)
		}
	}
}

// TestWebSocket uses a WebSocket in a tunnel, as the agents of Azure Arc do for days, and
// one by Upgrade in plain HTTP.
func TestWebSocket(t *testing.T) {
	ca := newAuthority(t)
	secure, plain := serveTLS(t, "127.0.0.1:0", ca, webSocketOrigin()), serveHTTP(t, "127.0.0.1:0", webSocketOrigin())
	s := newSite(t)
	s.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: secure, hosts: [ws.test], ports: [%d], private: allow }
    - { id: plain, hosts: [ws.test], ports: [%d], schemes: [http], private: allow }
`, secure, plain))
	p := s.start()

	conn, err := p.tunnel(fmt.Sprintf("ws.test:%d", secure))
	if err != nil {
		t.Fatal(err)
	}
	converse(t, tls.Client(conn, &tls.Config{ServerName: "ws.test", RootCAs: ca.Pool()}), fmt.Sprintf("wss://ws.test:%d/echo", secure))

	conn, err = net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	converse(t, &absoluteForm{Conn: conn, site: fmt.Sprintf("http://ws.test:%d", plain)}, fmt.Sprintf("ws://ws.test:%d/echo", plain))

	p.stop()
	decided, closed := decisions(t, records(t, s.audit()))
	if len(decided) != 2 || decided[0].Method != "CONNECT" || decided[1].Method != "GET" || closed[decided[1].ID].Status != http.StatusSwitchingProtocols {
		t.Errorf("the audit log has %+v", decided)
	}
}

// absoluteForm turns the first request on a connection into one for a proxy.
type absoluteForm struct {
	net.Conn
	site string // scheme and authority; empty once written
}

func (c *absoluteForm) Write(b []byte) (int, error) {
	if c.site == "" {
		return c.Conn.Write(b)
	}
	request := strings.Replace(string(b), "GET /", "GET "+c.site+"/", 1)
	c.site = ""
	if _, err := io.WriteString(c.Conn, request); err != nil {
		return 0, err
	}
	return len(b), nil
}

// TestHalfClose sends in a tunnel and closes its side: the origin must see the end, and its response must
// still arrive. The same the other way round.
func TestHalfClose(t *testing.T) {
	const size = 5 * megabyte
	body := newPayload(size)
	want := hash(t, body.section(0, size))
	listener := serveRaw(t, func(conn *net.TCPConn) { // reads to the end, then sends
		n, _ := io.Copy(io.Discard, conn)
		fmt.Fprintf(conn, "heard %d", n)
	})
	speaker := serveRaw(t, func(conn *net.TCPConn) { // sends, then reads
		io.Copy(conn, body.section(0, size))
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
	})
	s := newSite(t)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: raw, hosts: [raw.test], ports: [%d, %d], private: allow }] }\n", listener, speaker))
	p := s.start()

	conn, err := p.tunnel(fmt.Sprintf("raw.test:%d", listener))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.Copy(conn, body.section(0, size)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != fmt.Sprintf("heard %d", size) {
		t.Errorf("the answer after our end is %q (%v)", got, err)
	}

	conn, err = p.tunnel(fmt.Sprintf("raw.test:%d", speaker))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := hash(t, conn); got != want {
		t.Error("what the origin said before its end is not what came")
	}
	if _, err := io.WriteString(conn, "still here"); err != nil {
		t.Errorf("after the origin's end: %v", err)
	}
	conn.Close()

	p.stop()
	_, closed := decisions(t, records(t, s.audit()))
	type bytes struct{ out, in int64 }
	got := make(map[bytes]int)
	for _, r := range closed {
		got[bytes{r.BytesOut, r.BytesIn}]++
	}
	differ(t, "the audit log", got, "the wire", map[bytes]int{{size, int64(len("heard ")) + 7}: 1, {int64(len("still here")), size}: 1})
}

// TestEarlyBytes sends the first bytes of the tunnel together with the CONNECT, as some clients do.
func TestEarlyBytes(t *testing.T) {
	port := serveRaw(t, echo)
	s := newSite(t)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: raw, hosts: [raw.test], ports: [%d], private: allow }] }\n", port))
	p := s.start()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	early := strings.Repeat("early ", 500)
	if _, err := fmt.Fprintf(conn, "CONNECT raw.test:%d HTTP/1.1\r\nHost: raw.test:%d\r\n\r\n%s", port, port, early); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if head, rest, _ := strings.Cut(string(got), "\r\n\r\n"); err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") || rest != early {
		t.Errorf("%d bytes of %d come back (%v), after\n%s", len(rest), len(early), err, head)
	}
}
