package audit_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

func TestRetain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		o := audit.Options{Dir: dir, RotateEvery: setting.Duration(time.Hour), Retain: setting.Duration(3 * time.Hour)}
		l := open(t, o)
		for range 6 {
			add(t, l, audittest.Decision())
			time.Sleep(time.Hour)
			if err := l.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// Closed 4, 3, 2 and 1 hours ago: the first is gone, and the record of that is the last.
		records, stats := read(t, dir)
		if stats.FirstSeq != 3 || stats.LastSeq != 8 || stats.Missing != 0 {
			t.Errorf("got %+v", stats)
		}
		retained := byType(records, audit.TypeRetain)
		if len(retained) != 2 || retained[0].FirstSeq != 1 || retained[0].LastSeq != 1 || retained[1].FirstSeq != 2 || retained[1].LastSeq != 2 {
			t.Fatalf("got %+v", retained)
		}
		if r := retained[1]; r.Detail != "1 file is deleted: older than 3h" || len(r.Removed) != 1 || !strings.HasPrefix(r.Removed[0], "audit-000000000002-") {
			t.Errorf("got %+v", r)
		}
		// What is left is sound without what is gone.
		if v := wantSound(t, dir, audit.VerifyOptions{}); len(v.Notes) == 0 || !strings.Contains(v.Notes[0], "begins with seq 3") {
			t.Errorf("notes %q", v.Notes)
		}
		for _, gone := range []string{"checkpoints-000000000001", "hashes-000000000001", "checkpoints-000000000002"} {
			if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
				t.Errorf("%s is left", gone)
			}
		}
		l.Close()
		o.Retain = setting.Off
		l = open(t, o)
		time.Sleep(10000 * time.Hour)
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stats := read(t, dir); stats.FirstSeq != 3 {
			t.Errorf("with retain off: %+v", stats)
		}
	})
}

// A file that another program rotated is that program's to delete, and what is younger stays with it.
func TestRetainLeavesOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		o := audit.Options{Dir: dir, RotateEvery: setting.Duration(time.Hour), Retain: setting.Duration(3 * time.Hour)}
		foreign := filepath.Join(dir, "audit.ndjson.1")
		audittest.Write(t, foreign, lines(t, 3))
		l := open(t, o)
		for range 6 {
			add(t, l, audittest.Decision())
			time.Sleep(time.Hour)
			if err := l.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, stats := read(t, dir); stats.FirstSeq != 1 || stats.Missing != 0 {
			t.Errorf("got %+v", stats)
		}
	})
}

func TestRetainSize(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	o := small(dir)
	o.RetainSize = 512 << 10
	l := open(t, o)
	var alarms, deletions int
	var most int64
	noise := rand.New(rand.NewPCG(1, 2))
	for len(byType(l.Recent(256), audit.TypeRetain)) == 0 || deletions < 40 {
		for range 20 {
			r := audittest.Decision()
			for range 12 { // something that does not compress
				r.ClientName += strconv.FormatUint(noise.Uint64(), 36)
			}
			add(t, l, r)
		}
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.CheckRoom(); err != nil {
			if !strings.Contains(err.Error(), "of retain_size (512KiB)") {
				t.Fatal(err)
			}
			if deletions > 0 {
				t.Errorf("the alarm comes after a deletion: %v", err)
			}
			alarms++
		}
		if len(byType(l.Recent(256), audit.TypeRetain)) > 0 {
			deletions++
		}
		u := l.Usage()
		most = max(most, u.Bytes)
		if u.Limit != 512<<10 || u.Bytes > u.Limit+64<<10 {
			t.Fatalf("the log takes %d bytes of %d", u.Bytes, u.Limit)
		}
	}
	if alarms != 1 {
		t.Errorf("%d alarms, want 1", alarms)
	}
	if most < 512<<10*8/10 {
		t.Errorf("the log never took more than %d bytes", most)
	}
	l.Close()
	_, stats := read(t, dir)
	if stats.Missing != 0 || stats.FirstSeq == 1 {
		t.Errorf("got %+v", stats)
	}
	wantSound(t, dir, audit.VerifyOptions{})
}
