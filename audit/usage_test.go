package audit_test

import (
	"testing"
	"time"

	"webproxy/audit"
)

// Room is told in days, by the pace since the log began, and not before it is a day old.
func TestDays(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		u     audit.Usage
		age   time.Duration
		days  int
		known bool
	}{
		{audit.Usage{Bytes: 10 << 30, Free: 61 << 30}, 100 * 24 * time.Hour, 610, true},
		{audit.Usage{Bytes: 10 << 30, Free: 61 << 30, Limit: 11 << 30}, 100 * 24 * time.Hour, 10, true}, // the limit is nearer
		{audit.Usage{Bytes: 10 << 30, Free: -1, Limit: 20 << 30}, 100 * 24 * time.Hour, 100, true},
		{audit.Usage{Bytes: 12 << 30, Free: 1, Limit: 11 << 30}, 100 * 24 * time.Hour, 0, true},
		{audit.Usage{Bytes: 0, Free: 1 << 60}, 48 * time.Hour, 99_999, true},
		{audit.Usage{Bytes: 10 << 30, Free: -1}, 100 * 24 * time.Hour, 0, false},
		{audit.Usage{Bytes: 1 << 20, Free: 1 << 30}, 23 * time.Hour, 0, false},
	} {
		if days, known := tt.u.Days(now.Add(-tt.age), now); days != tt.days || known != tt.known {
			t.Errorf("%+v after %v: %d, %v; want %d, %v", tt.u, tt.age, days, known, tt.days, tt.known)
		}
	}
	if _, known := (&audit.Usage{Bytes: 1, Free: 1}).Days(time.Time{}, now); known {
		t.Error("known of a log whose begin is not known")
	}
}

// A log begins with the first record of its first file.
func TestBegan(t *testing.T) {
	dir := t.TempDir()
	if at, err := audit.Began(dir); err != nil || !at.IsZero() {
		t.Errorf("no log: %v, %v", at, err)
	}
	if _, err := audit.Began(dir + "/none"); err == nil {
		t.Error("no directory: no error")
	}
	before := time.Now().Truncate(time.Millisecond)
	l, err := audit.Open(audit.Options{Dir: dir}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&audit.Record{Type: audit.TypeStart}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if at, err := audit.Began(dir); err != nil || at.Before(before) || time.Since(at) > time.Minute {
		t.Errorf("%v, %v", at, err)
	}
}

// What Verify found goes over the admin socket as JSON, and back.
func TestProblemKindText(t *testing.T) {
	for kind := audit.Altered; kind <= audit.Unproven; kind++ {
		text, err := kind.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back audit.ProblemKind
		if err := back.UnmarshalText(text); err != nil || back != kind {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	if err := new(audit.ProblemKind).UnmarshalText([]byte("nonsense")); err == nil {
		t.Error("nonsense is a kind")
	}
}
