//go:build linux

package scripts

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"webproxy/internal/victorialogstest"
)

// The script starts VictoriaLogs on the address that it prints, once for a directory, and stops that one.
func TestVictoriaLogsScript(t *testing.T) {
	victorialogstest.Binary(t)
	port := strconv.Itoa(victorialogstest.FreePort(t))
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	call := func(args ...string) (string, error) {
		out, err := exec.Command("./victorialogs.sh", args...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	t.Cleanup(func() { call("stop", dir) })
	address, err := call("start", dir, port)
	if err != nil || address != "http://127.0.0.1:"+port {
		t.Fatalf("start: %q, %v", address, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	if resp, err := client.Get(address + "/health"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("it does not answer: %v, %v", resp, err)
	}
	if out, err := call("start", dir, port); err == nil || !strings.Contains(out, "runs already") {
		t.Errorf("started twice: %q, %v", out, err)
	}
	if out, err := call("stop", dir); err != nil || out != "" {
		t.Errorf("stop: %q, %v", out, err)
	}
	if _, err := client.Get(address + "/health"); err == nil {
		t.Error("it answers after it was stopped")
	}
	if out, err := call("stop", dir); err == nil || !strings.Contains(out, "none runs") {
		t.Errorf("stopped twice: %q, %v", out, err)
	}
	// A process id that is another's by now is left alone.
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := call("stop", dir); err != nil {
		t.Errorf("stop after a crash: %q, %v", out, err)
	}
}
