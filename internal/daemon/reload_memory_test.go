package daemon

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/policy"
)

// A policy that a reload has replaced is not kept in memory: with the lists of a large site, each is some 30 MB.
func TestReloadFreesThePolicyBefore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "webproxy.yaml")
	write := func(host string) {
		t.Helper()
		text := fmt.Sprintf(`listen: "127.0.0.1:0"
dashboard: {listen: "off"}
audit: {dir: %q}
policy:
  rules:
    - {id: own, hosts: [%s]}
`, filepath.Join(dir, "audit"), host)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first.example.com")
	freed := make(chan struct{})
	load := func() (*config.Config, error) {
		cfg, err := config.Load(path)
		if err == nil {
			runtime.AddCleanup(cfg.Set, func(c chan struct{}) { close(c) }, freed)
		}
		return cfg, err
	}
	c := newControl()
	ended := make(chan error, 1)
	go func() {
		ended <- serve(context.Background(), Options{Load: load, Version: "test", Stderr: io.Discard}, c)
	}()
	<-c.ready
	write("second.example.com")
	c.reloadNow()
	awaitReload(t, filepath.Join(dir, "audit"))
	// The cleanup runs in a goroutine of its own, after a collection that finds nothing pointing to the Set.
	for deadline := time.After(time.Minute); ; {
		runtime.GC()
		select {
		case <-freed:
		case <-deadline:
			t.Error("the first policy is still in memory after a reload")
		default:
			runtime.Gosched()
			continue
		}
		break
	}
	c.stopNow()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// awaitReload returns when the log in dir tells of a policy that was installed.
func awaitReload(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		found := false
		audit.Scan(dir, audit.ScanOptions{}, func(r audit.Record) error { // a line that is being written is no matter
			found = found || r.Type == audit.TypeReload && !policy.SameDigest(r.Policy, r.PolicyOld)
			return nil
		})
		if found {
			return
		}
	}
	t.Fatal("no reload")
}
