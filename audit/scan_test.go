package audit_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

func TestScanNothing(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := audit.Scan(dir, audit.ScanOptions{}, nil); !errors.Is(err, audit.ErrNoLog) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Scan of %s: %v", dir, err)
		}
		if _, err := audit.Tail(dir, 10, nil, nil); !errors.Is(err, audit.ErrNoLog) {
			t.Errorf("Tail of %s: %v", dir, err)
		}
		if _, _, err := audit.Count(dir, audit.ScanOptions{}); !errors.Is(err, audit.ErrNoLog) {
			t.Errorf("Count of %s: %v", dir, err)
		}
		if err := audit.HasLog(dir); !errors.Is(err, audit.ErrNoLog) || err.Error() != "no audit log in "+dir {
			t.Errorf("HasLog of %s: %v", dir, err)
		}
	}
	// A log that has no record yet is a log.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "audit.ndjson"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stats := read(t, dir); stats.Records != 0 || stats.FirstSeq != 0 {
		t.Errorf("got %+v", stats)
	}
}

func TestScanTail(t *testing.T) {
	dir := t.TempDir()
	text := lines(t, 3)
	for _, name := range []string{"audit.ndjson", "audit-000000000001-20261124T070149Z.ndjson"} {
		audittest.Write(t, filepath.Join(dir, name), text[:len(text)-10])
		records, stats := read(t, dir)
		if len(records) != 2 || stats.LastSeq != 2 {
			t.Errorf("%s: got %+v", name, stats)
		}
		// The live file may be in the middle of a write. No other is.
		if name == "audit.ndjson" && (stats.Unreadable != 0 || stats.InProgress != int64(len(text)/3-10)) ||
			name != "audit.ndjson" && (stats.Unreadable != 1 || stats.Bad[0].File != name || stats.Bad[0].Line != 3) {
			t.Errorf("%s: got %+v", name, stats)
		}
		os.Remove(filepath.Join(dir, name))
	}
}

func TestScanCounts(t *testing.T) {
	all := strings.SplitAfter(lines(t, 9), "\n")
	long := strings.Repeat("x", 3<<20) + "\n"
	text := all[1] + all[2] + long + all[2] + "\n" + all[5] + strings.Replace(all[6], "10.0.1.12", "10.0.1.312", 1) + all[8]
	dir := t.TempDir()
	audittest.Write(t, live(dir), text)
	records, got := read(t, dir)
	if len(records) != 5 || got.Records != 5 || got.FirstSeq != 2 || got.LastSeq != 9 || got.Repeated != 1 ||
		got.Missing != 4 || !slices.Equal(got.Gaps, []audit.Gap{{3, 6}, {6, 9}}) || got.Unreadable != 3 {
		t.Errorf("got %+v", got)
	}
	for i, want := range []int{3, 5, 7} {
		if got.Bad[i].Line != want || got.Bad[i].File != "audit.ndjson" {
			t.Errorf("bad line %d: %v", i, got.Bad[i])
		}
	}
}

// What is asked for changes nothing in what is said of lines that cannot be read, or are not there.
func TestScanCountsWhateverIsAsked(t *testing.T) {
	all := strings.SplitAfter(lines(t, 9), "\n")
	spaced := strings.Replace(strings.Replace(all[4], `":`, `": `, -1), "gbl.his", "spaced.his", 1)
	tests := map[string]string{
		"whole":         strings.Join(all, ""),
		"missing":       all[0] + all[3] + all[8],
		"rubbish":       all[0] + "rubbish\n" + all[1] + "\n" + strings.Repeat("x", 3<<20) + "\n" + all[2],
		"no end":        all[0] + strings.TrimSuffix(all[1], "}\n") + "\n" + all[2],
		"other form":    all[0] + spaced + all[5],
		"not UTF-8":     all[0] + strings.Replace(all[1], "gbl", "\xff", 1) + all[2],
		"great numbers": all[0] + strings.Replace(all[1], `"seq":2`, `"seq":18446744073709551615`, 1) + strings.Replace(all[2], `"seq":3`, `"seq":18446744073709551616`, 1),
		"number zero":   strings.Replace(all[0], `"seq":1`, `"seq":0`, 1) + all[1],
		"cut head":      `{"v":1,"type":"egress.decision","ts":"2026` + "\n" + `{"v":1,"type":"}` + "\n{}\n}\n" + all[1],
	}
	for name, text := range tests {
		dir := t.TempDir()
		audittest.Write(t, live(dir), text)
		_, want := read(t, dir)
		for _, host := range []string{"none.example.com", "gbl.his.arc.azure.com", "spaced.his.arc.azure.com"} {
			q, err := audit.ParseQuery("host=" + host)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			got, err := audit.Scan(dir, audit.ScanOptions{Where: q}, func(audit.Record) error { found++; return nil })
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, host %s: %v\n got %v\nwant %v", name, host, err, got, want)
			}
			if wantFound := host == "spaced.his.arc.azure.com" && name == "other form"; wantFound != (found == 1) && host[0] != 'g' {
				t.Errorf("%s, host %s: found %d", name, host, found)
			}
		}
	}
}

func TestScanDamagedFile(t *testing.T) {
	dir := t.TempDir()
	l := open(t, small(dir))
	fill(t, l, dir, 2)
	last := l.Recent(1)[0].Seq
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := rotated(t, dir)[0]
	text := audittest.Contents(t, first)
	for _, cut := range []int{0, 5, len(text) / 2} {
		audittest.Write(t, first, text[:cut])
		_, stats := read(t, dir)
		if stats.Unreadable == 0 || stats.Bad[0].File != filepath.Base(first) || stats.LastSeq != last {
			t.Errorf("cut at %d: got %+v", cut, stats)
		}
	}
}

func TestScanWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir, RotateEvery: setting.Duration(2 * time.Hour)})
		start := time.Now()
		for range 10 {
			add(t, l, audittest.Decision())
			time.Sleep(time.Hour)
		}
		if err := l.Tidy(t.Context()); err != nil { // makes the summaries
			t.Fatal(err)
		}
		var got []uint64
		stats, err := audit.Scan(dir, audit.ScanOptions{Since: start.Add(5 * time.Hour), Until: start.Add(8 * time.Hour)},
			func(r audit.Record) error {
				got = append(got, r.Seq)
				return nil
			})
		if err != nil || !slices.Equal(got, []uint64{6, 7, 8}) {
			t.Errorf("got %v, %v", got, err)
		}
		if stats.FirstSeq != 5 { // of two files the summaries were enough
			t.Errorf("got %+v", stats)
		}
	})
}

func TestScanStops(t *testing.T) {
	dir := t.TempDir()
	audittest.Write(t, live(dir), lines(t, 3))
	boom := errors.New("boom")
	for _, tt := range []struct{ give, want error }{{boom, boom}, {fs.SkipAll, nil}} {
		calls := 0
		_, err := audit.Scan(dir, audit.ScanOptions{}, func(audit.Record) error { calls++; return tt.give })
		if err != tt.want || calls != 1 {
			t.Errorf("fn returned %v: Scan = %v after %d calls", tt.give, err, calls)
		}
	}
}

// A reader sees a whole log at any moment, whatever the writer is doing.
func TestScanWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, small(dir))
	add(t, l, audittest.Decision())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-l.Rotated():
				if err := l.Tidy(t.Context()); err != nil {
					t.Error(err)
				}
			default:
				add(t, l, audittest.Decision())
			}
		}
	})
	for last := uint64(0); last < 3000; {
		_, stats := read(t, dir)
		if stats.FirstSeq != 1 || stats.Missing+stats.Repeated+stats.Unreadable != 0 || stats.LastSeq < last {
			t.Errorf("got %+v after %d", stats, last)
			break
		}
		last = stats.LastSeq
	}
	close(stop)
	wg.Wait()
}
