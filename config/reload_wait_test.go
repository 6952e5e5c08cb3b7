package config

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ReloadAndWait returns when what is on disk has been reported, whether it has changed or not.
func TestReloadAndWait(t *testing.T) {
	path := site(t, t.TempDir())
	w := watch(t, path, timing{quiet: time.Hour, patient: time.Hour, confirm: time.Millisecond, poll: time.Hour, give: time.Minute})
	for _, id := range []string{"first", "second"} {
		put(t, path, rule(id)) // an event for one that would wait for an hour until it is quiet
		done := make(chan error, 1)
		go func() { done <- w.ReloadAndWait(t.Context()) }()
		w.wantRule(id)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("ReloadAndWait did not return")
		}
	}
}

// Whoever waits is told when nothing will come: its context has ended, or the Watcher.
func TestReloadAndWaitEnds(t *testing.T) {
	w := watch(t, site(t, t.TempDir()), byPolling)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.ReloadAndWait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- w.ReloadAndWait(t.Context()) }()
	w.next() // of the first call or of the second
	w.Watcher.cancel()
	for {
		select {
		case <-w.reports:
			continue
		case err := <-done:
			if err != nil && !errors.Is(err, ErrWatcherClosed) {
				t.Errorf("closed while waiting: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a waiter is left")
		}
		break
	}
	w.Close()
	if err := w.ReloadAndWait(t.Context()); !errors.Is(err, ErrWatcherClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestAdminSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes are no files")
	}
	dir := t.TempDir()
	long := filepath.Join(dir, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")
	for _, tt := range []struct{ want, problem, text string }{
		{filepath.Join(dir, "audit.sock"), "", ""},
		{filepath.Join(dir, "log", "records.sock"), "", "audit: { dir: log/records }\n"},
		{filepath.Join(dir, "run", "a.sock"), "", "admin: { socket: run/a.sock }\n"},
		{"off", "", "admin: { socket: off }\n"},
		{"", "bytes too long for a socket", "admin: { socket: " + long + " }\n"},
		{"off", "", "audit: { dir: " + long + " }\n"}, // warned of
	} {
		path := filepath.Join(dir, "webproxy.yaml")
		put(t, path, tt.text+"policy: { rules: [] }\n")
		c, err := Load(path)
		switch {
		case tt.problem != "":
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%q: %v, want %s", tt.text, err, tt.problem)
			}
			continue
		case err != nil:
			t.Fatalf("%q: %v", tt.text, err)
		case c.Admin.Socket != tt.want:
			t.Errorf("%q: %s, want %s", tt.text, c.Admin.Socket, tt.want)
		}
		if tt.want == "off" {
			continue
		}
		// It is found when something else is wrong.
		put(t, path, tt.text+"policy: { rulez: [] }\n")
		if got, err := ReadSocket(path); err != nil || got != tt.want {
			t.Errorf("%q: ReadSocket = %s, %v; want %s", tt.text, got, err, tt.want)
		}
	}
	if c, err := LoadDefault(); err != nil || filepath.Base(c.Admin.Socket) != "audit.sock" {
		t.Errorf("built-in: %v, %v", c.Admin.Socket, err)
	}
}
