package audit_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/audit"
	"webproxy/internal/setting"
)

func TestOptionsYAML(t *testing.T) {
	const text = "dir: /var/log/webproxy\nretain: 400d\nrotate: 256MiB\nrotate_every: 1d\non_error: continue\nsync: \"off\"\nsite: site-01\n" +
		"key: /etc/webproxy/audit.key\nanchor: /mnt/anchor\nretain_size: 20GiB\naggregate_after: 20\naggregate_window: 30s\n"
	var o audit.Options
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	want := audit.Options{Dir: "/var/log/webproxy", Retain: audit.DefaultRetain, Rotate: audit.DefaultRotate,
		RotateEvery: audit.DefaultRotateEvery, OnError: audit.Continue, Sync: setting.Off, Site: "site-01",
		Key: "/etc/webproxy/audit.key", Anchor: "/mnt/anchor", RetainSize: 20 << 30, AggregateAfter: 20, AggregateWindow: setting.Duration(30 * time.Second)}
	if o != want {
		t.Errorf("got %+v, want %+v", o, want)
	}
	back, err := yaml.Marshal(o)
	if err != nil || string(back) != text {
		t.Errorf("got %s, %v, want %s", back, err, text)
	}
}

func TestOptionsCheck(t *testing.T) {
	if err := (audit.Options{}).Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	bad := audit.Options{Retain: 1, Rotate: 1, RotateEvery: 1, OnError: 7, Sync: 1, Site: "a\n",
		Dir: "audit", Key: "audit/key", Anchor: "./audit/../audit/anchor", RetainSize: 1, AggregateAfter: -1, AggregateWindow: 1}
	err := bad.Check()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v, want errors joined", err)
	}
	var fields []string
	for _, err := range joined.Unwrap() {
		var problem *setting.OptionError
		if !errors.As(err, &problem) {
			t.Fatalf("%T is no OptionError", err)
		}
		fields = append(fields, problem.Field)
	}
	slices.Sort(fields)
	if want := []string{"aggregate_after", "aggregate_window", "anchor", "key", "on_error", "retain", "retain_size", "rotate", "rotate_every", "site", "sync"}; !slices.Equal(fields, want) {
		t.Errorf("problems with %q, want %q", fields, want)
	}
	if got, want := (audit.Options{Dir: "/var/log/webproxy"}).WithDefaults().Key, filepath.FromSlash("/var/log/webproxy-key/audit.key"); got != want {
		t.Errorf("the key is by default %s, want %s", got, want)
	}
	if _, err := audit.Open(bad); err == nil {
		t.Error("Open takes them")
	}
}
