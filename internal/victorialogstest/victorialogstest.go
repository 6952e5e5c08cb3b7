// Package victorialogstest runs a real VictoriaLogs, for tests. scripts/victorialogs.sh builds it; where it is not
// built the test is skipped.
package victorialogstest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds what is waited for: machines of tests have other work too.
const patience = 2 * time.Minute

// A Server is a VictoriaLogs on 127.0.0.1, at one address and with one directory of data however often it is started. It ends
// with the test.
type Server struct {
	t    testing.TB
	bin  string
	dir  string // of its data
	port int
	args []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	output bytes.Buffer  // of cmd; read it after exited
}

// Start starts a VictoriaLogs with more arguments, and waits until it responds. Records of any age are kept, unless an argument such
// as -retentionPeriod says otherwise. It skips the test if VictoriaLogs is not built.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, bin: Binary(t), dir: t.TempDir()}
	s.args = append([]string{"-retentionPeriod=100y", "-loggerLevel=WARN"}, args...)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("what VictoriaLogs said:\n%s", s.output.String())
		}
	})
	for range 20 { // another may take the port before it does
		s.port = FreePort(t)
		if s.try() {
			return s
		}
	}
	t.Fatalf("VictoriaLogs does not start:\n%s", s.output.String())
	return nil
}

// FreePort returns a port of 127.0.0.1 that was free a moment ago. It is below those that the system gives to whoever asks for
// any, so that it can be had again after a restart.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no free port from 20000 to 32000")
	return 0
}

// URL is its address, such as http://127.0.0.1:23456.
func (s *Server) URL() string { return "http://" + s.address() }

func (s *Server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Dir is the directory of its data.
func (s *Server) Dir() string { return s.dir }

// Kill ends the process at once, as kill -9 does: what it has not written is lost. It may be called by any goroutine.
func (s *Server) Kill() { s.end(func(p *os.Process) { p.Kill() }) }

// Stop ends the process in order: it writes what it has. Where processes cannot be asked to end, it is killed.
func (s *Server) Stop() {
	s.end(func(p *os.Process) {
		if p.Signal(os.Interrupt) != nil {
			p.Kill()
		}
	})
}

func (s *Server) end(how func(*os.Process)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	how(s.cmd.Process)
	<-s.exited
	s.cmd = nil
}

// Restart starts it again after Kill or Stop, with the same data and address, and waits until it responds. It is safe for concurrent
// use.
func (s *Server) Restart() error {
	if !s.try() {
		return fmt.Errorf("VictoriaLogs does not start again on %s:\n%s", s.address(), s.output.String())
	}
	return nil
}

// try starts the process, and reports whether it runs and responds.
func (s *Server) try() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output.Reset()
	cmd := exec.Command(s.bin, append([]string{"-storageDataPath=" + s.dir, "-httpListenAddr=" + s.address()}, s.args...)...)
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(&s.output, err)
		return false
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		resp, err := client.Get(s.URL() + "/health")
		if err == nil {
			resp.Body.Close()
		}
		select {
		case <-exited: // another may have answered
			s.cmd = nil
			return false
		case <-time.After(20 * time.Millisecond):
		}
		if err == nil && resp.StatusCode == http.StatusOK {
			return true
		}
	}
	cmd.Process.Kill()
	<-exited
	s.cmd = nil
	fmt.Fprintln(&s.output, "it did not respond within", patience)
	return false
}

// Flush makes records visible that were taken a moment ago; otherwise that takes a second.
func (s *Server) Flush() error {
	resp, err := http.Get(s.URL() + "/internal/force_flush")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("force_flush: %s", resp.Status)
	}
	return nil
}

// Binary returns the path of the program, and skips the test if it is not built.
func Binary(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module webproxy\n") {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the root of the tree, which has VictoriaLogs in bin, is not above this directory")
		}
	}
	path := filepath.Join(dir, "bin", "victoria-logs")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("VictoriaLogs is not built: scripts/victorialogs.sh build")
	}
	return path
}
