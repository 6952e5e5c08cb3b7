package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"webproxy/internal/proxytest"
	"webproxy/policy"
	"webproxy/proxy"
)

// A mixture is a proxy with origins of every kind behind it.
type mixture struct {
	*inspected
	plain, first, gone uint16 // ports of origins: an echo, one that speaks first, one that breaks off
}

// A mixed is a kind of tunnel.
type mixed struct {
	name string
	run  func(m *mixture) error
	// records are those it leaves, as mixedKey writes them.
	records []string
}

// The records of a tunnel that is opened, but for what is asked inside.
const (
	inspectedBegin = "decision CONNECT origin.test allow allowed_by_rule 0"
	inspectedEnd   = "close CONNECT origin.test allow allowed_by_rule 200"
)

func mixedKinds() []mixed {
	allowed := func(method, path string, status int) []string {
		of := method + " origin.test" + path + " allow allowed_by_rule "
		return []string{inspectedBegin, "decision " + of + "0", "close " + of + strconv.Itoa(status), inspectedEnd}
	}
	passed := func(host string) []string {
		return []string{"decision CONNECT " + host + " allow allowed_by_rule 0", "close CONNECT " + host + " allow allowed_by_rule 200"}
	}
	return []mixed{
		{"inspected, HTTP/1.1", (*mixture).http1, allowed("GET", "/allowed/1", 200)},
		{"inspected, HTTP/2", (*mixture).http2, allowed("GET", "/allowed/2", 200)},
		{"WebSocket inside", (*mixture).webSocket, allowed("GET", "/allowed/ws", 101)},
		{"path denied inside", (*mixture).pathDenied, []string{inspectedBegin, "decision GET origin.test/other deny path_not_allowed 403", inspectedEnd}},
		{"malformed inside", (*mixture).malformed, []string{inspectedBegin, "decision  origin.test deny bad_request 400", inspectedEnd}},
		{"does not trust the proxy", (*mixture).distrustful, []string{inspectedBegin, inspectedEnd}},
		{"gone before TLS", (*mixture).goneBefore, []string{inspectedBegin, inspectedEnd}},
		{"gone inside the hello", (*mixture).goneInHello, []string{inspectedBegin, inspectedEnd}},
		{"gone inside a request", (*mixture).goneInRequest, allowed("POST", "/allowed/half", 0)},
		{"spliced TLS", (*mixture).spliced, passed("spliced.test")},
		{"spliced, gone inside the hello", (*mixture).splicedGone,
			[]string{"decision CONNECT spliced.test allow allowed_by_rule 0", "close CONNECT spliced.test deny bad_hello 200"}},
		{"denied by SNI", (*mixture).deniedBySNI,
			[]string{"decision CONNECT spliced.test allow allowed_by_rule 0", "close CONNECT spliced.test deny sni_mismatch 200"}},
		{"plain", (*mixture).echoes, passed("plain.test")},
		{"the server speaks first", (*mixture).serverFirst, passed("first.test")},
		{"the origin breaks off", (*mixture).originGone, passed("gone.test")},
		{"the origin is dead", (*mixture).originDead,
			[]string{"decision CONNECT dead.test allow allowed_by_rule 0", "close CONNECT dead.test allow allowed_by_rule 502"}},
		{"denied", (*mixture).denied, []string{"decision CONNECT other.test deny host_not_listed 403"}},
	}
}

// mixedKey is what must be the same of every record of a kind: not what a client that is gone is called.
func mixedKey(r proxytest.Record) string {
	return fmt.Sprintf("%s %s %s%s %s %s %d", strings.TrimPrefix(string(r.Type), "egress."), r.Method, r.Host, r.Path, r.Decision, r.Reason, r.Status)
}

// Whatever becomes of tunnels, opened ones and others, nothing of them is left but their records: no goroutine
// and no descriptor. INSPECT_TUNNELS=10000 for the full number.
func TestTunnelsLeaveNothing(t *testing.T) {
	total := 200
	if n, err := strconv.Atoi(os.Getenv("INSPECT_TUNNELS")); err == nil {
		total = n
	}
	m := startMixture(t)
	kinds := mixedKinds()
	want := map[string]int{}
	records := 0
	round := func(n int) (goroutines, files int) {
		var running sync.WaitGroup
		for worker := range 8 {
			running.Go(func() {
				for i := worker; i < n; i += 8 {
					kind := kinds[i%len(kinds)]
					if err := kind.run(m); err != nil {
						t.Errorf("%s: %v", kind.name, err)
					}
				}
			})
		}
		running.Wait()
		for i := range n {
			for _, key := range kinds[i%len(kinds)].records {
				want[key]++
				records++
			}
		}
		m.Records(records)
		if !soon(func() bool { return m.Server.Stats() == (proxy.Stats{}) }) {
			t.Fatalf("%+v when all tunnels are over", m.Server.Stats())
		}
		return runtime.NumGoroutine(), descriptors(t)
	}
	goroutines, files := round(8 * len(kinds)) // what stays for good is there then
	round(total)
	// The origins' ends, which are in this process too, take their time.
	if !soon(func() bool { return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files }) {
		t.Errorf("too many left")
	}
	t.Logf("%d tunnels, %d records: %d goroutines and %d descriptors, before %d and %d", total, records, runtime.NumGoroutine(), descriptors(t), goroutines, files)
	got, ids := map[string]int{}, map[string]int{}
	for _, r := range m.Audit.All() {
		got[mixedKey(r)]++
		ids[r.ID]++
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if got[key] != want[key] {
			t.Errorf("%d records %q, want %d", got[key], key, want[key])
		}
	}
	for id, n := range ids {
		if n > 2 {
			t.Errorf("%d records with the id %s", n, id)
		}
	}
}

// soon waits until done says yes, and reports false if it never does.
func soon(done func() bool) bool {
	for end := time.Now().Add(proxytest.Patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func descriptors(t *testing.T) int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc to count descriptors by")
	}
	return len(files)
}

// startMixture starts the proxy and all origins.
func startMixture(t *testing.T) *mixture {
	m := &mixture{}
	m.plain = startRaw(t, func(c *net.TCPConn) { io.Copy(onlyWriter{c}, c) })
	m.first = startRaw(t, func(c *net.TCPConn) {
		io.WriteString(c, "220 ready\r\n")
		io.Copy(io.Discard, c)
	})
	m.gone = startRaw(t, func(c *net.TCPConn) {
		io.ReadFull(c, make([]byte, 2))
		c.SetLinger(0)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(rw, r.URL.Path)
	})
	mux.Handle("/allowed/ws", websocket.Handler(func(ws *websocket.Conn) { io.Copy(ws, ws) }))
	m.inspected = startInspectedWith(t, mux, leafSpec{}, func(c *proxytest.Config) {
		c.Hosts = map[string][]string{}
		for _, host := range []string{"spliced.test", "plain.test", "first.test", "gone.test", "dead.test"} {
			c.Hosts[host] = []string{"127.0.0.1"}
		}
		inspect := c.Rules
		c.Rules = func(port uint16) []policy.RuleSpec {
			rules := inspect(port)
			for host, port := range map[string]uint16{"spliced.test": port, "plain.test": m.plain, "first.test": m.first, "gone.test": m.gone, "dead.test": 1} {
				rules = append(rules, policy.RuleSpec{ID: strings.TrimSuffix(host, ".test"), Hosts: []string{host}, Ports: []uint16{port}, Private: "allow"})
			}
			return rules
		}
	})
	return m
}

// onlyWriter hides ReadFrom, which would keep a pipe of its own for splice.
type onlyWriter struct{ io.Writer }

// startRaw hands each connection to handle, which must return when its peer is gone, and returns the port.
func startRaw(t *testing.T, handle func(*net.TCPConn)) uint16 {
	t.Helper()
	return uint16(proxytest.Accept(t, handle).Addr().(*net.TCPAddr).Port)
}

// tunnel asks for a tunnel and hands it to use. The response must have the status.
func (m *mixture) tunnel(status int, host string, port uint16, use func(net.Conn) error) error {
	c, err := net.Dial("tcp", m.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(proxytest.Patience))
	fmt.Fprintf(c, "CONNECT %s:%d HTTP/1.1\r\nHost: x\r\n\r\n", host, port)
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByte{c}, 16), &http.Request{Method: "CONNECT"})
	if err == nil && resp.StatusCode != status {
		err = errors.New(resp.Status)
	}
	if err != nil || use == nil {
		return err
	}
	return use(c)
}

// toOrigin is tunnel to the host that is inspected, with a client that trusts the proxy.
func (m *mixture) toOrigin(use func(raw net.Conn, secure *tls.Conn) error) error {
	return m.tunnel(200, proxytest.Host, m.Port, func(c net.Conn) error {
		return use(c, tls.Client(c, &tls.Config{ServerName: proxytest.Host, RootCAs: m.Trusted}))
	})
}

// ask sends what and wants a response that begins so, up to the end of the connection.
func ask(c io.ReadWriter, what, begins string) error {
	if _, err := io.WriteString(c, what); err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	if !strings.HasPrefix(string(b), begins) {
		return fmt.Errorf("%q (%v), want %q", b, err, begins)
	}
	return nil
}

func (m *mixture) get(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + m.Target + "\r\nConnection: close\r\n\r\n"
}

func (m *mixture) http1() error {
	return m.toOrigin(func(_ net.Conn, c *tls.Conn) error { return ask(c, m.get("/allowed/1"), "HTTP/1.1 200") })
}

func (m *mixture) http2() error {
	return m.tunnel(200, proxytest.Host, m.Port, func(c net.Conn) error {
		pool := &http.Transport{
			ForceAttemptHTTP2: true,
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
				secure := tls.Client(c, &tls.Config{ServerName: proxytest.Host, RootCAs: m.Trusted, NextProtos: []string{"h2"}})
				return secure, secure.Handshake()
			},
		}
		defer pool.CloseIdleConnections()
		resp, err := (&http.Client{Transport: pool}).Get("https://" + m.Target + "/allowed/2")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); resp.ProtoMajor != 2 || string(b) != "/allowed/2" {
			return fmt.Errorf("%s %q, %v", resp.Proto, b, err)
		}
		return nil
	})
}

func (m *mixture) webSocket() error {
	return m.toOrigin(func(_ net.Conn, c *tls.Conn) error {
		config, err := websocket.NewConfig("wss://"+m.Target+"/allowed/ws", "https://"+m.Target)
		if err != nil {
			return err
		}
		ws, err := websocket.NewClient(config, c)
		if err != nil {
			return err
		}
		defer ws.Close()
		if err := websocket.Message.Send(ws, "hi"); err != nil {
			return err
		}
		var got string
		if err := websocket.Message.Receive(ws, &got); err != nil || got != "hi" {
			return fmt.Errorf("%q, %v", got, err)
		}
		return nil
	})
}

func (m *mixture) pathDenied() error {
	return m.toOrigin(func(_ net.Conn, c *tls.Conn) error { return ask(c, m.get("/other"), "HTTP/1.1 403 webproxy denied") })
}

func (m *mixture) malformed() error {
	return m.toOrigin(func(_ net.Conn, c *tls.Conn) error { return ask(c, " \r\n", "HTTP/1.1 400 webproxy denied") })
}

func (m *mixture) distrustful() error {
	return m.tunnel(200, proxytest.Host, m.Port, func(c net.Conn) error {
		if err := tls.Client(c, &tls.Config{ServerName: proxytest.Host}).Handshake(); err == nil {
			return errors.New("trusted")
		}
		return nil
	})
}

func (m *mixture) goneBefore() error { return m.tunnel(200, proxytest.Host, m.Port, nil) }

// beginHello writes the beginning of a TLS record with a ClientHello.
func beginHello(c net.Conn) error {
	_, err := c.Write([]byte{22, 3, 1, 1, 0})
	return err
}

func (m *mixture) goneInHello() error { return m.tunnel(200, proxytest.Host, m.Port, beginHello) }

func (m *mixture) goneInRequest() error {
	return m.toOrigin(func(_ net.Conn, c *tls.Conn) error {
		_, err := io.WriteString(c, "POST /allowed/half HTTP/1.1\r\nHost: "+m.Target+"\r\nContent-Length: 100\r\n\r\nhi")
		return err
	})
}

func (m *mixture) spliced() error {
	return m.tunnel(200, "spliced.test", m.Port, func(c net.Conn) error {
		return ask(tls.Client(c, &tls.Config{ServerName: "spliced.test", InsecureSkipVerify: true}), m.get("/any"), "HTTP/1.1 200")
	})
}

func (m *mixture) splicedGone() error {
	return m.tunnel(200, "spliced.test", m.Port, beginHello)
}

func (m *mixture) deniedBySNI() error {
	return m.tunnel(200, "spliced.test", m.Port, func(c net.Conn) error {
		err := tls.Client(c, &tls.Config{ServerName: "evil.test", InsecureSkipVerify: true}).Handshake()
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			return fmt.Errorf("hello for another host: %v", err)
		}
		return nil
	})
}

func (m *mixture) echoes() error {
	return m.tunnel(200, "plain.test", m.plain, func(c net.Conn) error {
		io.WriteString(c, "hello")
		c.(*net.TCPConn).CloseWrite()
		if b, err := io.ReadAll(c); string(b) != "hello" {
			return fmt.Errorf("%q, %v", b, err)
		}
		return nil
	})
}

func (m *mixture) serverFirst() error {
	return m.tunnel(200, "first.test", m.first, func(c net.Conn) error {
		b := make([]byte, 3)
		if _, err := io.ReadFull(c, b); string(b) != "220" {
			return fmt.Errorf("%q, %v", b, err)
		}
		return nil
	})
}

func (m *mixture) originGone() error {
	return m.tunnel(200, "gone.test", m.gone, func(c net.Conn) error {
		io.WriteString(c, "hi")
		if n, err := io.Copy(io.Discard, c); n > 0 || err == nil {
			return fmt.Errorf("%d bytes, %v", n, err)
		}
		return nil
	})
}

func (m *mixture) originDead() error { return m.tunnel(502, "dead.test", 1, nil) }

func (m *mixture) denied() error { return m.tunnel(403, "other.test", 443, nil) }
