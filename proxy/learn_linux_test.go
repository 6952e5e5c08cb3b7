package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// Learn mode changes nothing on the connection: what a client hears, and what the origin hears, is byte for byte what
// they hear if a rule permits everything. No rule is needed for what learn mode lets through, but a public address is:
// the guards hold. So the test runs in a network of its own, where the loopback interface has one.
func TestLearnOnTheWire(t *testing.T) {
	if os.Getenv(inOwnNetwork) == "" {
		runInOwnNetwork(t)
		return
	}
	addPublicAddress(t)
	origin := newHeardOrigin(t)
	open := origin.transcript(t, policy.Enforce, func(port uint16) []policy.RuleSpec {
		rules := proxytest.OriginRule(port)
		rules[0].Ports, rules[0].Private = append(rules[0].Ports, 1), ""
		return rules
	}, "allow")
	learn := origin.transcript(t, policy.Learn, func(uint16) []policy.RuleSpec { return nil }, "would_deny")
	for i := range open {
		if open[i] != learn[i] {
			t.Errorf("%s\n--- open\n%s\n--- learn\n%s", open[i].name, open[i], learn[i])
		}
	}
}

const (
	inOwnNetwork  = "WEBPROXY_TEST_OWN_NETWORK"
	publicAddress = "8.8.8.8" // in the test's network, the machine itself
)

// runInOwnNetwork runs the calling test once more, in a process that has a network without any other machine.
func runInOwnNetwork(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inOwnNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("this system gives no network of its own: %v", err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, &out)
	}
}

// addPublicAddress gives the loopback interface of this process's network a public address.
func addPublicAddress(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, step := range []struct {
		name, addr string
		call       uint
	}{{"lo", "", unix.SIOCSIFFLAGS}, {"lo:1", publicAddress, unix.SIOCSIFADDR}} {
		req, err := unix.NewIfreq(step.name)
		if err != nil {
			t.Fatal(err)
		}
		if step.addr == "" {
			req.SetUint16(unix.IFF_UP)
		} else if err := req.SetInet4Addr(net.ParseIP(step.addr).To4()); err != nil {
			t.Fatal(err)
		}
		if err := unix.IoctlIfreq(fd, step.call, req); err != nil {
			t.Fatalf("%s %s: %v", step.name, step.addr, err)
		}
	}
}

// heardOrigin is an origin that remembers what it was sent.
type heardOrigin struct {
	net.Listener
	mu    sync.Mutex // guards heard
	heard bytes.Buffer
}

func newHeardOrigin(t *testing.T) *heardOrigin {
	ln, err := net.Listen("tcp", publicAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	o := &heardOrigin{Listener: ln}
	srv := &http.Server{Handler: http.HandlerFunc(writeResponse)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(o)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return o
}

// Accept implements net.Listener.
func (o *heardOrigin) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &heardConn{c, o}, nil
}

// take returns what was heard since it was last called.
func (o *heardOrigin) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.heard.Reset()
	return o.heard.String()
}

type heardConn struct {
	net.Conn
	origin *heardOrigin
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.origin.mu.Lock()
	defer c.origin.mu.Unlock()
	c.origin.heard.Write(b[:n])
	return n, err
}

// writeResponse responds in the ways that there are.
func writeResponse(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Date", "Tue, 24 Nov 2026 09:00:00 GMT")
	switch r.URL.Path {
	case "/moved":
		http.Redirect(rw, r, "https://elsewhere.example/next", http.StatusFound)
	case "/unchanged":
		rw.WriteHeader(http.StatusNotModified)
	case "/gone":
		http.Error(rw, "gone", http.StatusGone)
	case "/hints":
		rw.Header().Set("Link", "</style.css>")
		rw.WriteHeader(http.StatusEarlyHints)
		io.WriteString(rw, "after the hints")
	case "/upgrade":
		c, buffered, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		fmt.Fprint(c, "echo "+line)
	default:
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("Trailer", "Sum")
		fmt.Fprintf(rw, "%s %s, %d bytes", r.Method, r.URL, len(body))
		rw.Header().Set("Sum", fmt.Sprint(len(body)))
	}
}

// A wireExchange is what was heard on both sides of the proxy when a client said something.
type wireExchange struct{ name, client, origin string }

func (x wireExchange) String() string {
	return fmt.Sprintf("client hears:\n%s\norigin hears:\n%s", x.client, x.origin)
}

// ofThisRun is what differs from one proxy to another, whatever its mode: the time of its own responses, and the
// name by which it knows itself again.
var ofThisRun = regexp.MustCompile(`Date: [^\r]*|webproxy-[0-9a-f]{10}`)

// transcript is what is heard in a mode under rules. All decisions must have the outcome.
func (o *heardOrigin) transcript(t *testing.T, mode policy.Mode, rules func(port uint16) []policy.RuleSpec, outcome string) []wireExchange {
	p := proxytest.Start(t, proxytest.Config{
		Listener: o,
		Modes:    map[string]policy.Mode{"local": mode},
		Hosts:    map[string][]string{proxytest.Host: {publicAddress}},
		Rules:    rules,
	})
	closed := "Connection: close"
	inside := "GET /inside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	tunnel := "CONNECT " + p.Target + " HTTP/1.1\r\nHost: " + p.Target + "\r\n\r\n"
	refusing := proxytest.Host + ":1"
	said := []struct {
		records    int
		name, text string
	}{
		{2, "tunnel", tunnel + inside},
		{2, "tunnel with more in it", tunnel + "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + inside},
		{2, "GET", p.Get("/plain?q=1", "Accept-Encoding: gzip", closed)},
		{4, "two on one connection", p.Get("/one") + p.Get("/two", closed)},
		{2, "HEAD", p.Request("HEAD", "/head", closed)},
		{2, "POST in chunks", p.Request("POST", "/post", "Transfer-Encoding: chunked", closed) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
		{2, "redirect", p.Get("/moved", closed)},
		{2, "304", p.Get("/unchanged", `If-None-Match: "x"`, closed)},
		{2, "410", p.Get("/gone", closed)},
		{2, "103", p.Get("/hints", closed)},
		{2, "upgrade", p.Get("/upgrade", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + "hello\n"},
		{2, "last hop", p.Request("OPTIONS", "/", "Max-Forwards: 0", closed)},
		{2, "tunnel to nobody", "CONNECT " + refusing + " HTTP/1.1\r\nHost: " + refusing + "\r\n\r\n"},
		{2, "GET from nobody", "GET http://" + refusing + "/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
		{1, "not HTTP", "HELLO\r\n\r\n"},
	}
	var heard []wireExchange
	records := 0
	for _, s := range said {
		c := p.Dial()
		c.Send(s.text)
		x := wireExchange{name: s.name, client: ofThisRun.ReplaceAllString(c.Rest(), "*")}
		c.Close()
		records += s.records
		p.Records(records) // ids are made of the records' numbers
		x.origin = ofThisRun.ReplaceAllString(o.take(), "*")
		if x.client == "" {
			t.Errorf("%s: no response", s.name)
		}
		heard = append(heard, x)
	}
	checkOutcomes(t, p.Audit.All(), outcome, len(said))
	return heard
}

// checkOutcomes checks that all decisions but that about what was no request had the outcome.
func checkOutcomes(t *testing.T, records []proxytest.Record, outcome string, atLeast int) {
	t.Helper()
	n := 0
	for _, r := range records {
		if r.Type == "egress.decision" && !strings.HasPrefix(r.Reason, "bad_") {
			if n++; string(r.Decision) != outcome {
				t.Errorf("%s %s: %s, want %s", r.Method, r.Path, r.Decision, outcome)
			}
		}
	}
	if n < atLeast {
		t.Errorf("%d decisions %s, want at least %d", n, outcome, atLeast)
	}
}
