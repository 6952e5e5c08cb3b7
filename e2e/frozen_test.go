//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// frozenDisk mounts a file system, which hangs from freeze to thaw, like one whose server is down.
func frozenDisk(t *testing.T) (dir string, freeze, thaw func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a file system")
	}
	dir = filepath.Join(t.TempDir(), "disk")
	image := dir + ".img"
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Logf("%s: %v %s", name, err, out)
		}
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	if run("mkfs.ext4", "-q", image) != nil || run("mount", "-o", "loop", image, dir) != nil {
		t.Skip("no file system can be mounted here")
	}
	frozen := false
	thaw = func() {
		if frozen {
			frozen = false
			if err := run("fsfreeze", "-u", dir); err != nil {
				t.Error(err)
			}
		}
	}
	freeze = func() {
		if run("fsfreeze", "-f", dir) != nil {
			t.Skip("no file system can be frozen here")
		}
		frozen = true
	}
	t.Cleanup(func() {
		thaw()
		run("umount", "-l", dir)
	})
	return dir, freeze, thaw
}

// While the audit log's disk is frozen, clients get responses, the operator gets pages, and the proxy stops when told.
func TestFrozenDisk(t *testing.T) {
	disk, freeze, thaw := frozenDisk(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "webproxy.yaml")
	const proxyAddr, pages = "127.0.0.1:18490", "127.0.0.1:18491"
	text := "listen: " + proxyAddr + "\ndashboard: { listen: " + pages + " }\n" +
		"audit: { dir: " + disk + "/audit, key: " + dir + "/key/audit.key, " + recordEach + " }\n" +
		"policy:\n  modes: { default: learn }\n  rules: [ { id: a, url: \"http://127.0.0.1:9/\", private: allow } ]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary(t), "serve", "-c", config)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	said := func(what string) bool {
		text, _ := os.ReadFile(log.Name())
		return strings.Contains(string(text), what)
	}
	t.Cleanup(func() {
		thaw()
		cmd.Process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s", text)
		}
	})
	page := func(path string) (int, string) {
		client := &http.Client{Timeout: patience}
		resp, err := client.Get("http://" + pages + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	through := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxyAddr})}}
	ask := func() (int, string) {
		resp, err := through.Get("http://127.0.0.1:9/")
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	eventually(t, "the proxy is ready", func() bool { status, _ := page("/readyz"); return status == http.StatusOK })

	freeze()
	for i := range 3 {
		if status, body := ask(); status != http.StatusServiceUnavailable || !strings.Contains(body, "audit_unavailable") {
			t.Errorf("request %d on a frozen disk: %d %q, want 503 audit_unavailable", i, status, body)
		}
	}
	if status, body := page("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	if status, body := page("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "does not answer") {
		t.Errorf("/readyz: %d %s, want 503", status, body)
	}
	if status, body := page("/metrics"); status != http.StatusOK || !strings.Contains(body, "webproxy_audit_bytes") {
		t.Errorf("/metrics: %d, want the metrics", status)
	}
	// Requests of the operator do not wait for the disk.
	st := run(t, nil, binary(t), "status", "-c", config)
	for _, want := range []string{"NOT READY", "default learn", "look at  the audit log's disk does not answer\n"} {
		if !strings.Contains(st.stdout, want) {
			t.Errorf("status on a frozen disk: exit %d, no %q in\n%s%s", st.exit, want, st.stdout, st.stderr)
		}
	}
	thaw()
	eventually(t, "the log is written again", func() bool { status, _ := ask(); return status != http.StatusServiceUnavailable && status != 0 })
	if status, body := page("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz when the disk answers again: %d %s", status, body)
	}

	freeze()
	if status, _ := ask(); status != http.StatusServiceUnavailable {
		t.Errorf("frozen again: %d", status)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// The kernel keeps the hanging thread, and so the process, until the disk is thawed. The process itself has ended.
	eventually(t, "the proxy gives up the disk", func() bool { return said("close the audit log") })
	thaw()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("serve ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("the process does not end")
	}
}
