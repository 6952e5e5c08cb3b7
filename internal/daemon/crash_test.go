package daemon

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/config"
)

// crashes makes a daemon that logs to a file in dir, and keeps the output of crashes. The caller calls stop, which closes the log.
func crashes(t *testing.T, dir string, elsewhere *bytes.Buffer) (stop func()) {
	t.Helper()
	d := &daemon{cfg: &config.Config{Log: config.LogOptions{File: filepath.Join(dir, "webproxy.log")}}}
	log, closeLog, err := newLog(d.cfg.Log, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	d.log = log
	stopCrashes, err := d.keepCrashes(false)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		stopCrashes()
		closeLog()
	}
}

// What the runtime writes when the process crashes is in a file beside the log's; the next start tells of it once, in the log's file
// alone, and keeps it. A process that ends by itself leaves none.
func TestCrashIsKept(t *testing.T) {
	if dir := flag.Arg(0); dir != "" { // the process that crashes
		crashes(t, dir, &bytes.Buffer{})
		go panic("as it was told to")
		time.Sleep(time.Minute)
		return
	}
	dir := t.TempDir()
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	out, err := exec.Command(os.Args[0], "-test.run=^TestCrashIsKept$", dir).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("it did not crash: %v, %s", err, out)
	}
	const name, panics = "webproxy-crash.txt", "panic: as it was told to"
	if text := read(name); !strings.Contains(text, panics) || !strings.Contains(text, "goroutine ") {
		t.Errorf("%s: %q", name, text)
	}
	var elsewhere bytes.Buffer
	for range 2 {
		crashes(t, dir, &elsewhere)()
	}
	if text := read("webproxy.log"); strings.Count(text, "the last run of the proxy crashed") != 1 || !strings.Contains(text, panics) {
		t.Errorf("the log's file: %q", text)
	}
	if elsewhere.Len() > 0 {
		t.Errorf("logged beside the file: %s", &elsewhere)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "webproxy-crash*"))
	if err != nil || len(kept) != 1 || filepath.Base(kept[0]) == name || !strings.Contains(read(filepath.Base(kept[0])), panics) {
		t.Errorf("kept: %q, %v", kept, err)
	}
}
