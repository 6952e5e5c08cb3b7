package daemon

import (
	"errors"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/policy"
)

// While the disk of the log hangs, one goroutine waits for it: no what-if is made, no bundle is taken, and it is no refusal
// for good. When the disk answers again, the next what-if is made.
func TestWhatIfWhileTheDiskHangs(t *testing.T) {
	dir := t.TempDir()
	log, err := audit.Open(audit.Options{Dir: dir, Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	allow, err := policy.Compile(&policy.Spec{
		Clients: map[string][]string{"nodes": {"10.0.0.0/8"}}, Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{"www.example.com"}}},
	}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	of, err := bundle.New(bundle.Manifest{Name: "stable", Serial: 8, Sites: []string{"*"}, Made: time.Unix(1e9, 0), By: "ann"}, map[string][]byte{bundle.PolicyFile: []byte("rules: []\n")})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Set: allow, Bundle: of}
	cfg.Audit.Dir = dir
	cfg.Policy.Bundle = &policy.BundleSpec{RefuseIf: "newly_denied > 1"}
	hangs := make(whatIf, 1)
	b := &bundles{asking: hangs}
	next := &config.Config{} // denies everything
	for range 2 {
		if err := b.whatIf(t.Context(), cfg, next, of); !errors.Is(err, errWhatIf) {
			t.Fatalf("while the log is still read: %v", err)
		}
	}
	hangs <- nil
	if err := b.whatIf(t.Context(), cfg, next, of); err != nil {
		t.Errorf("a log without requests: %v", err)
	}
	cfg.Audit.Dir = t.TempDir() // without a log
	if err := b.whatIf(t.Context(), cfg, next, of); !errors.Is(err, errWhatIf) {
		t.Errorf("no log: %v", err)
	}
}

// What-ifs that cannot be made read days of the log each time: the pause between them grows, to an hour or to what `every` is beyond that.
func TestWhatIfPause(t *testing.T) {
	for _, tt := range []struct {
		every time.Duration
		times int
		want  time.Duration
	}{
		{time.Minute, 0, time.Minute},
		{time.Minute, 1, 2 * time.Minute},
		{time.Minute, 5, 32 * time.Minute},
		{time.Minute, 6, time.Hour},
		{time.Minute, 1000, time.Hour},
		{24 * time.Hour, 1000, 24 * time.Hour},
	} {
		if got := whatIfPause(tt.every, tt.times); got != tt.want {
			t.Errorf("%v after %d: %v, want %v", tt.every, tt.times, got, tt.want)
		}
	}
}
