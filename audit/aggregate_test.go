package audit_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

// denial is the record of a denied request to host.
func denial(host string) audit.Record {
	r := audittest.Decision()
	r.Host, r.Decision, r.Reason, r.Rule, r.RuleSource, r.Status = host, "deny", "host_not_listed", "", "", 403
	return r
}

// byType returns the records of a type.
func byType(all []audit.Record, typ audit.Type) (some []audit.Record) {
	for _, r := range all {
		if r.Type == typ {
			some = append(some, r)
		}
	}
	return some
}

// told is the number of denials that the records stand for.
func told(all []audit.Record) (n int64) {
	for _, r := range all {
		switch {
		case r.Type == audit.TypeDecision && r.Decision == "deny":
			n++
		case r.Type == audit.TypeRepeat:
			n += r.Count
		}
	}
	return n
}

func TestAggregate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		began := time.Now()
		var ids []string
		for range 1000 {
			r := add(t, l, denial("loop.example.org"))
			ids = append(ids, r.ID)
			if r.Seq == 0 || r.Time.IsZero() {
				t.Fatalf("a denial without its number: %+v", r)
			}
			time.Sleep(5 * time.Millisecond)
		}
		// What is different does not count as the same.
		add(t, l, denial("other.example.org"))
		allowed := denial("loop.example.org")
		allowed.Decision = "allow"
		for range 20 {
			add(t, l, allowed)
		}
		last := began.Add(999 * 5 * time.Millisecond)
		time.Sleep(10 * time.Second)
		add(t, l, denial("loop.example.org")) // the window is over
		l.Close()

		records, stats := read(t, dir)
		if stats.Missing+stats.Repeated+stats.Unreadable != 0 {
			t.Errorf("got %+v", stats)
		}
		repeats := byType(records, audit.TypeRepeat)
		if len(repeats) != 1 {
			t.Fatalf("%d repeats, want 1", len(repeats))
		}
		r := repeats[0]
		if r.Count != 990 || !r.First.Equal(began.Add(50*time.Millisecond)) || !r.Last.Equal(last) {
			t.Errorf("%d repeats from %v to %v", r.Count, r.First, r.Last)
		}
		if r.Host != "loop.example.org" || r.Client != denial("").Client || r.Reason != "host_not_listed" || r.ClientPort != 0 || r.Group != "nodes" {
			t.Errorf("got %+v", r)
		}
		if n := told(records); n != 1002 {
			t.Errorf("the log tells of %d denials, want 1002", n)
		}
		// The id that the clients were told is that of a decision in the log, and of the repeat.
		if ids[999] != r.ID || ids[10] != r.ID || ids[9] != r.ID || ids[8] == r.ID || records[9].ID != r.ID {
			t.Errorf("told %s and %s, the repeat has %s", ids[10], ids[999], r.ID)
		}
		if n := len(byType(records, audit.TypeDecision)); n != 32 {
			t.Errorf("%d decisions, want 10 + 1 + 20 + 1", n)
		}
		wantSound(t, dir, audit.VerifyOptions{})
	})
}

// A storm that goes on is written every window, whether or not anybody rotates or closes.
func TestAggregateIsWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.Maintain(ctx, func(err error) { t.Error(err) })
		}()
		for range 100 {
			add(t, l, denial("loop.example.org"))
		}
		time.Sleep(13 * time.Second) // a window and a quarter
		synctest.Wait()
		records, _ := read(t, dir)
		if n := told(records); n != 100 {
			t.Errorf("after a window the log tells of %d denials, want 100", n)
		}
		for range 100 {
			add(t, l, denial("loop.example.org"))
		}
		cancel()
		<-done
		l.Close()
		records, _ = read(t, dir)
		if n := told(records); n != 200 {
			t.Errorf("after Close the log tells of %d denials, want 200", n)
		}
	})
}

func TestAggregateAtRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		for range 50 {
			add(t, l, denial("loop.example.org"))
		}
		fill(t, l, dir, 1)
		first := rotated(t, dir)[0]
		records, _ := read(t, dir)
		repeats := byType(records, audit.TypeRepeat)
		if len(repeats) != 1 || repeats[0].Count != 40 || repeats[0].Seq != records[len(records)-1].Seq-1 {
			t.Errorf("%d repeats; the last of %s is %+v", len(repeats), first, records[len(records)-2])
		}
	})
}

// A scan of ever other hosts is bounded on disk, counted, and takes nothing from other clients.
func TestAggregateScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		const hosts = 20_000
		for i := range hosts {
			add(t, l, denial(fmt.Sprintf("h%d.example.org", i)))
		}
		other := denial("victim.example.org")
		other.Client = netip.MustParseAddr("10.0.1.99")
		add(t, l, other)
		l.Close()
		records := wantWhole(t, dir, 1000+1+1+1)
		repeats := byType(records, audit.TypeRepeat)
		if len(repeats) != 1 {
			t.Fatalf("%d repeats, want 1", len(repeats))
		}
		r := repeats[0]
		if r.Count != hosts-1001 || r.Hosts != 4096 || len(r.Sample) != 20 || r.Sample[0] != "h1001.example.org" ||
			r.Host != "" || r.Port != 0 || r.Reason != "host_not_listed" {
			t.Errorf("got %+v", r)
		}
		if n := told(records); n != hosts+1 {
			t.Errorf("the log tells of %d denials, want %d", n, hosts+1)
		}
		// The decision that has the id of the repeat says what that is; no other does.
		for _, d := range byType(records, audit.TypeDecision) {
			if says := strings.Contains(d.Detail, "counted under this id"); says != (d.ID == r.ID) {
				t.Errorf("seq %d, id %s: %q", d.Seq, d.ID, d.Detail)
			}
		}
		if records[1001].Client != other.Client {
			t.Errorf("the other client's denial is not there: %+v", records[1001])
		}
	})
}

// Many clients with many hosts: memory is bounded, and still every denial is told.
func TestAggregateManyClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir, AggregateAfter: 1})
		n := int64(0)
		for round := range 2 {
			for c := range 5000 {
				r := denial(fmt.Sprintf("h%d.example.org", c%3))
				r.Client = netip.AddrFrom4([4]byte{10, 1, byte(c >> 8), byte(c)})
				for range 2 + round {
					add(t, l, r)
					n++
				}
			}
		}
		l.Close()
		records, stats := read(t, dir)
		if got := told(records); got != n || stats.Missing+stats.Repeated != 0 {
			t.Errorf("the log tells of %d denials, want %d; %+v", got, n, stats)
		}
	})
}

func TestAggregateOff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir, AggregateWindow: setting.Off})
	for range 100 {
		add(t, l, denial("loop.example.org"))
	}
	if n := len(byType(wantWhole(t, dir, 100), audit.TypeDecision)); n != 100 {
		t.Errorf("%d decisions, want 100", n)
	}
}

func BenchmarkAppendRepeats(b *testing.B) {
	l := open(b, audit.Options{Dir: filepath.Join(b.TempDir(), "audit")})
	r := denial("loop.example.org")
	b.ReportAllocs()
	for b.Loop() {
		r.ID = ""
		if err := l.Append(&r); err != nil {
			b.Fatal(err)
		}
	}
}
