package audit_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A reader that does not share the live file for deletion stops no rotation, and what it holds can still be read.
func TestForeignReader(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, small(dir))
	add(t, l, audittest.Decision())
	h, err := windows.CreateFile(windows.StringToUTF16Ptr(live(dir)), windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for l.RotateErrors() == 0 {
		add(t, l, audittest.Decision())
	}
	if err := l.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "another program has") {
		t.Errorf("Tidy reports %v", err)
	}
	names := logNames(t, dir)
	if len(names) != 2 || !strings.HasPrefix(names[1], "audit.ndjson.after-") {
		t.Errorf("files %q, want one beside the live one", names)
	}
	wantWhole(t, dir, l.LastSeq())
	windows.CloseHandle(h)
	for deadline := time.Now().Add(time.Minute); len(rotated(t, dir)) == 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		add(t, l, audittest.Decision())
	}
	if names := logNames(t, dir); len(names) != 2 || names[1] != "audit.ndjson" {
		t.Errorf("files %q, want a rotated one and the live one", names)
	}
	wantWhole(t, dir, l.LastSeq())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, dir, audit.VerifyOptions{Keys: []string{public(t, dir)}}); !v.OK() {
		t.Errorf("verify: %v\n%q", v, v.Problems)
	}
}
