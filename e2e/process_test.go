//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"webproxy/internal/proxytest"
)

// patience is how long a test waits for something that should happen at once, before it fails.
const patience = 30 * time.Second

// number returns a repeat count from the environment, or the default.
func number(t *testing.T, name string, def int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number above 0", name, s)
	}
	return n
}

// binary is the webproxy to test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("WEBPROXY")
	if path == "" {
		t.Fatal("WEBPROXY does not name the binary to test: run e2e/run")
	}
	return path
}

// eventually calls done until it reports true; after patience the test fails.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	if !within(patience, done) {
		t.Fatalf("waited %v in vain: %s", patience, what)
	}
}

// within is eventually, but reports the result.
func within(limit time.Duration, done func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !done(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// A site is a directory with the configuration of a webproxy, its lists and its audit log.
type site struct {
	t   *testing.T
	dir string
	// settings are the sections that every configuration of the site has.
	settings string
	// files is how many descriptors the process may have; 0 means as many as this one.
	files int
}

// recordEach is an audit setting: repeated denials are not aggregated, so that
// every request can be compared with its record.
const recordEach = `aggregate_window: "off"`

// newSite makes a site whose proxy asks the DNS server of this test. Names lead to loopback, so rules
// need private: allow.
func newSite(t *testing.T) *site {
	t.Helper()
	return &site{t: t, dir: t.TempDir(), settings: fmt.Sprintf(`
listen: "127.0.0.1:0"
dashboard: { listen: "127.0.0.1:0" }
egress: { resolver: %q }
log: { format: json }
audit: { dir: ./audit, retain: "off", %s }
`, startNames(t), recordEach)}
}

// write writes a file of the site in place.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// configure writes webproxy.yaml: the settings of the site, and the given sections.
func (s *site) configure(sections string) { s.write("webproxy.yaml", s.settings+sections) }

func (s *site) audit() string { return filepath.Join(s.dir, "audit") }

// reserve is a loopback address that stays reserved, for a server of the test, until the test ends.
func reserve(t *testing.T) string {
	t.Helper()
	addr, release, err := proxytest.ReserveAddr()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr
}

// A process is a running webproxy.
type process struct {
	t     *testing.T
	addr  string // clients connect to it
	tls   string // those of listen_tls do; empty if there is none
	admin string // address of /readyz and /metrics

	cmd    *exec.Cmd
	exited chan struct{} // closed after it has ended

	mu     sync.Mutex // guards stderr
	stderr strings.Builder
}

// start starts webproxy at the site and waits until it serves. If it still runs when the test ends, it
// is killed.
func (s *site) start() *process {
	s.t.Helper()
	p := &process{t: s.t, exited: make(chan struct{})}
	p.cmd = exec.Command(binary(s.t), "serve", "--config", filepath.Join(s.dir, "webproxy.yaml"))
	if s.files > 0 {
		limit := fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", s.files)
		p.cmd = exec.Command("sh", append([]string{"-c", limit}, p.cmd.Args...)...)
	}
	p.cmd.Dir = s.dir
	out, err := p.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	serving := make(chan served, 1)
	go p.follow(out, serving)
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("what webproxy said:\n%s", tail(p.said(), 8000))
		}
	})
	select {
	case at := <-serving:
		p.addr, p.admin = at.Listen[0], at.Dashboard
		if len(at.Listen) > 1 {
			p.tls = at.Listen[1]
		}
	case <-p.exited:
		s.t.Fatal("webproxy ended at once")
	case <-time.After(patience):
		s.t.Fatal("webproxy does not serve")
	}
	eventually(s.t, "/readyz says ready", func() bool { status, _ := p.get("/readyz"); return status == http.StatusOK })
	return p
}

// served is the log entry that says where webproxy listens.
type served struct {
	Msg       string
	Listen    []string
	Dashboard string
}

// follow reads what the process writes to its standard error until it ends, and waits for it.
func (p *process) follow(stderr io.Reader, serving chan<- served) {
	defer close(p.exited)
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.stderr.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		var at served
		if json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "serving" && len(at.Listen) > 0 {
			serving <- at
		}
	}
	io.Copy(io.Discard, stderr) // after a line that is too long: the process must not block
	p.cmd.Wait()                // its result is in ProcessState
}

// said is the standard error of the process so far.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func tail(s string, n int) string { return s[max(len(s)-n, 0):] }

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v: %v", s, err)
	}
}

// kill ends the process as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill() // an error means that it has ended
	<-p.exited
}

// stop ends the process as an operator does; its exit code must be 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.mustExit()
}

// mustExit waits until the process has ended; its exit code must be 0, and its ports must be closed.
func (p *process) mustExit() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("webproxy does not end")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("exit code %d, want 0 (%v)", code, p.cmd.ProcessState)
	}
	for _, addr := range []string{p.addr, p.admin} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			p.t.Errorf("somebody still listens on %s", addr)
		}
	}
}

// get requests path from the operator's listener. The status is 0 without a response.
func (p *process) get(path string) (status int, body string) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + p.admin + path)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(b)
}
