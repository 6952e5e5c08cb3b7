package audit_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/audit"
)

func TestAge(t *testing.T) {
	tests := []struct {
		want   audit.Age // 0: refused
		text   string
		normal string
	}{
		{audit.Age(400 * 24 * time.Hour), "400d", "400d"},
		{audit.Age(24 * time.Hour), "24h", "1d"},
		{audit.Age(90 * time.Minute), "90m", "90m"},
		{audit.Age(90 * time.Minute), "1h30m", "90m"},
		{audit.Age(1500 * time.Millisecond), "1.5s", "1.5s"},
		{audit.AgeOff, "off", "off"},
		{0, "", ""}, {0, "0", ""}, {0, "0d", ""}, {0, "-1d", ""}, {0, "-1h", ""}, {0, "1", ""}, {0, "1.5d", ""},
		{0, "d", ""}, {0, "106752d", ""}, {0, "18446744073709551616d", ""}, {0, "OFF", ""}, {0, "400 d", ""},
	}
	for _, tt := range tests {
		var a audit.Age
		err := a.UnmarshalText([]byte(tt.text))
		if a != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("Age %q = %v, %v, want %v", tt.text, int64(a), err, int64(tt.want))
		}
		if err == nil && a.String() != tt.normal {
			t.Errorf("Age %q prints as %q, want %q", tt.text, a, tt.normal)
		}
	}
}

func TestSize(t *testing.T) {
	tests := []struct {
		want   audit.Size // 0: refused
		text   string
		normal string
	}{
		{256 << 20, "256MiB", "256MiB"},
		{256 << 20, "256 MiB", "256MiB"},
		{1e9, "1GB", "1GB"},
		{1 << 30, "1024MiB", "1GiB"},
		{1000, "1kB", "1kB"},
		{1000, "1KB", "1kB"},
		{1001, "1001B", "1001B"},
		{audit.SizeOff, "off", "off"},
		{0, "", ""}, {0, "256", ""}, {0, "0B", ""}, {0, "-1B", ""}, {0, "MiB", ""}, {0, "1.5GiB", ""}, {0, "1mib", ""},
		{0, "8388608TiB", ""}, {0, "99999999999999999999B", ""},
	}
	for _, tt := range tests {
		var s audit.Size
		err := s.UnmarshalText([]byte(tt.text))
		if s != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("Size %q = %d, %v, want %d", tt.text, int64(s), err, int64(tt.want))
		}
		if err == nil && s.String() != tt.normal {
			t.Errorf("Size %q prints as %q, want %q", tt.text, s, tt.normal)
		}
	}
}

func TestOptionsYAML(t *testing.T) {
	const text = "dir: /var/log/webproxy\nretain: 400d\nrotate: 256MiB\nrotate_every: 1d\non_error: continue\nsync: \"off\"\nsite: site-01\n" +
		"key: /etc/webproxy/audit.key\nanchor: /mnt/anchor\nretain_size: 20GiB\nfold_after: 20\nfold_window: 30s\n"
	var o audit.Options
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	want := audit.Options{Dir: "/var/log/webproxy", Retain: audit.DefaultRetain, Rotate: audit.DefaultRotate,
		RotateEvery: audit.DefaultRotateEvery, OnError: audit.Continue, Sync: audit.AgeOff, Site: "site-01",
		Key: "/etc/webproxy/audit.key", Anchor: "/mnt/anchor", RetainSize: 20 << 30, FoldAfter: 20, FoldWindow: audit.Age(30 * time.Second)}
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
		Dir: "audit", Key: "audit/key", Anchor: "./audit/../audit/anchor", RetainSize: 1, FoldAfter: -1, FoldWindow: 1}
	err := bad.Check()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v, want errors joined", err)
	}
	var fields []string
	for _, err := range joined.Unwrap() {
		var problem *audit.OptionError
		if !errors.As(err, &problem) {
			t.Fatalf("%T is no OptionError", err)
		}
		fields = append(fields, problem.Field)
	}
	slices.Sort(fields)
	if want := []string{"anchor", "fold_after", "fold_window", "key", "on_error", "retain", "retain_size", "rotate", "rotate_every", "site", "sync"}; !slices.Equal(fields, want) {
		t.Errorf("problems with %q, want %q", fields, want)
	}
	if got, want := (audit.Options{Dir: "/var/log/webproxy"}).WithDefaults().Key, filepath.FromSlash("/var/log/webproxy-key/audit.key"); got != want {
		t.Errorf("the key is by default %s, want %s", got, want)
	}
	if _, err := audit.Open(bad); err == nil {
		t.Error("Open takes them")
	}
}
