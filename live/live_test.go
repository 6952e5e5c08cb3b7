package live

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

func request(seq uint64, at time.Time, host string, decision policy.Outcome) *audit.Record {
	return &audit.Record{
		V: 1, Type: audit.TypeDecision, Seq: seq, ID: "ID" + host, Time: at, Client: netip.MustParseAddr("10.0.1.11"), Group: "nodes",
		Method: "CONNECT", Scheme: "https", Host: host, Port: 443, Decision: decision, Reason: "host_not_listed",
	}
}

// Each record is counted once: those that existed, those written while a Follower reads, and those after a
// restart of the log.
func TestFollower(t *testing.T) {
	dir := t.TempDir()
	write := func(n int, decision policy.Outcome) {
		t.Helper()
		l, err := audit.Open(audit.Options{Dir: dir, Key: t.TempDir() + "/k"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for range n {
			r := request(0, time.Now(), "a.example.com", decision)
			r.ID = ""
			if err := l.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Append(&audit.Record{Type: audit.TypePhase, By: "anna", Detail: "phase x"}); err != nil {
			t.Fatal(err)
		}
	}
	write(3, "allow")
	f := &Follower{Dir: dir}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	until := func(requests uint64, decisions int) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for {
			var total, day uint64
			var people int
			f.View(func(v *View) {
				for r := range v.Total.All() {
					total += r.Requests
				}
				for r := range v.Day.All() {
					day += r.Requests()
				}
				people = len(v.Decisions)
			})
			if total == requests && day == requests && people == decisions {
				return
			}
			if time.Now().After(deadline) || total > requests || day > requests {
				t.Fatalf("%d requests in all, %d in the day, %d decisions; want %d, %d", total, day, people, requests, decisions)
			}
			time.Sleep(time.Millisecond)
		}
	}
	until(3, 1)
	write(2, "deny")
	until(5, 2)
}

// The hours of a day move on: what is older than 24 hours is forgotten, in each hour and in all.
func TestDayTurns(t *testing.T) {
	start := time.Date(2026, 11, 30, 10, 20, 0, 0, time.UTC)
	d := newDay(start)
	count := func() (rows int, total uint64) {
		for r := range d.All() {
			rows++
			total += r.Requests()
			var sum uint64
			for _, n := range d.Hours(r) {
				sum += n
			}
			if sum != r.Requests() {
				t.Errorf("%s: hours add up to %d, want %d", r.Host, sum, r.Requests())
			}
		}
		return rows, total
	}
	d.add(request(1, start, "a.example.com", "deny"), start)
	d.add(request(2, start.Add(5*time.Hour), "a.example.com", "deny"), start.Add(5*time.Hour))
	d.add(request(3, start.Add(5*time.Hour), "b.example.com", "allow"), start.Add(5*time.Hour))
	d.add(request(4, start.Add(-30*time.Hour), "old.example.com", "allow"), start.Add(5*time.Hour))
	if rows, total := count(); rows != 2 || total != 3 {
		t.Errorf("%d rows, %d requests, want 2, 3", rows, total)
	}
	d.turn(hourOf(start.Add(24 * time.Hour)))
	if rows, total := count(); rows != 2 || total != 2 {
		t.Errorf("a day later: %d rows, %d requests, want 2, 2", rows, total)
	}
	d.turn(hourOf(start.Add(100 * time.Hour)))
	if rows, total := count(); rows != 0 || total != 0 {
		t.Errorf("long after: %d rows, %d requests, want none", rows, total)
	}
}

// All viewers of a filter get the same frame; a burst is 20 rows and a number; a viewer that does not read is dropped,
// and the others are not held up.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Feed
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { f.Run(ctx) })
		q, err := audit.ParseQuery("decision = deny")
		if err != nil {
			t.Fatal(err)
		}
		one, err1 := f.Watch(q)
		two, err2 := f.Watch(q)
		all, err3 := f.Watch(nil)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		for i := range 5000 {
			f.add(request(uint64(i+1), time.Now(), "a.example.com", "deny"))
		}
		f.add(request(5001, time.Now(), "b.example.com", "allow"))
		a, b, c := <-one.Frames, <-two.Frames, <-all.Frames
		if &a[0] != &b[0] {
			t.Error("a frame was rendered for each viewer")
		}
		if text := string(a); !strings.HasPrefix(text, "data: {") || !strings.HasSuffix(text, `"more":4980}`+"\n\n") || strings.Count(text, `"seq":`) != 20 {
			t.Errorf("the frame is %.300s ... %s", text, text[len(text)-40:])
		}
		if len(a) > 16<<10 {
			t.Errorf("a frame of %d bytes", len(a))
		}
		if !strings.Contains(string(c), `"more":4981}`) {
			t.Error("the frame of all has not all")
		}
		for range waiting + 2 { // one and all do not read
			f.add(request(6000, time.Now(), "a.example.com", "deny"))
			<-two.Frames
		}
		for range one.Frames { // the waiting frames, then closed
		}
		if n := f.Viewers(); n != 1 {
			t.Errorf("%d viewers, want the one that reads", n)
		}
		one.Leave() // again
		two.Leave()
		if len(f.channels) != 0 || f.Viewers() != 0 {
			t.Errorf("%d channels and %d viewers are left", len(f.channels), f.Viewers())
		}
		cancel()
		wg.Wait()
	})
}

// With any number of viewers and any length of texts, memory is bounded.
func TestFeedBounds(t *testing.T) {
	var f Feed
	for i := range maxViewers {
		if _, err := f.Watch(nil); err != nil {
			t.Fatalf("viewer %d: %v", i, err)
		}
	}
	if _, err := f.Watch(nil); err != ErrCrowded {
		t.Errorf("one more: %v, want %v", err, ErrCrowded)
	}
	long := strings.Repeat("<b>\u202ex", 20_000)
	r := request(1, time.Now(), long, "deny")
	r.ClientName, r.Path, r.Method, r.Rule = long, long, long, long
	e, _ := eventOf(r)
	for _, s := range []string{e.Client, e.Target, e.Method, e.Rule} {
		if len(s) > textLimit+100 || strings.Contains(s, "\u202e") {
			t.Errorf("a text of %d bytes: %.60q", len(s), s)
		}
	}
}
