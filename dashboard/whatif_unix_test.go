//go:build unix

package dashboard

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A configuration that cannot be read, as one on a disk that hangs, does not keep the page waiting: a named pipe would for ever.
func TestWhatIfDoesNotWait(t *testing.T) {
	s := newSite(t)
	path := filepath.Join(s.dir, "webproxy.yaml")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, page := s.get("/policy/whatif"); resp.StatusCode != http.StatusOK || !strings.Contains(page, "webproxy.yaml") || !strings.Contains(page, `role="alert"`) {
		t.Errorf("%s %s", resp.Status, page)
	}
}
