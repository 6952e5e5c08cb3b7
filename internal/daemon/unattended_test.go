package daemon

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"webproxy/config"
	"webproxy/internal/hint"
)

// A service without a configuration of its own is refused, before it has listened or written: it never has the built-in lists in force.
func TestServiceNeedsAConfiguration(t *testing.T) {
	dir := t.TempDir()
	load := func() (*config.Config, error) {
		cfg, err := config.LoadDefault()
		if err == nil {
			cfg.Listen, cfg.Dashboard.Listen, cfg.Audit.Dir = []string{"127.0.0.1:0"}, config.Off, filepath.Join(dir, "audit")
			cfg.Admin.Socket = config.Off
		}
		return cfg, err
	}
	for _, unattended := range []bool{true, false} {
		c := newControl()
		c.unattended = unattended
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // a process that serves ends at once
			select {
			case <-c.ready:
			case <-ctx.Done():
			}
			cancel()
		}()
		err := serve(ctx, Options{Load: load, Version: "1.0.0", Stderr: io.Discard}, c)
		cancel()
		if (err != nil) != unattended || unattended && hint.Of(err) == "" {
			t.Errorf("unattended %v: %v, with the hint %q", unattended, err, hint.Of(err))
		}
		entries, err := os.ReadDir(dir)
		if err != nil || (len(entries) == 0) != unattended {
			t.Errorf("unattended %v: it has written %v, %v", unattended, entries, err)
		}
	}
}
