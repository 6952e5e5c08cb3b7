package live

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
)

// take adds r as the follower reads it.
func take(t *testing.T, f *Follower, r *audit.Record) {
	t.Helper()
	r.V = audit.Version
	line, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	own, err := audit.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	f.add(&own, string(line))
}

// The last requests are kept, in their order, and each is shown as it was.
func TestRecent(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f := benchFollower(now)
	all := func(*audit.Record) bool { return true }
	if got := f.Recent(10, all); len(got) != 0 {
		t.Errorf("before anything: %v", got)
	}
	for i := range uint64(2*Kept + 7) {
		r := request(i+1, now, fmt.Sprintf("host-%d.example.com", i%3), "deny")
		if i%2 == 0 { // a longer line, whose memory the next one gets
			r.Path = "/" + strings.Repeat("x", 200)
		}
		take(t, f, r)
		end := request(i+1, now, "", "allow")
		end.Type = audit.TypeClose
		take(t, f, end)
	}
	got := f.Recent(2*Kept, all)
	if len(got) != Kept || got[0].Seq != 2*Kept+7 || got[Kept-1].Seq != Kept+8 {
		t.Fatalf("%d, from %d to %d", len(got), got[0].Seq, got[len(got)-1].Seq)
	}
	for _, e := range got {
		if want := fmt.Sprintf("host-%d.example.com:443", (e.Seq-1)%3); !strings.HasPrefix(e.Target, want) || (e.Seq%2 == 1) != (len(e.Target) > 200) {
			t.Errorf("%d is shown as %s", e.Seq, e.Target)
		}
	}
	got = f.Recent(2, func(r *audit.Record) bool { return r.Host == "host-1.example.com" })
	if len(got) != 2 || got[0].Seq != 2*Kept+6 || got[1].Seq != 2*Kept+3 {
		t.Errorf("by host: %v", got)
	}
}

// The row that a request of the day leads to is the one that counts it in the whole log, whatever the record is.
func TestFollowerCountsAsTally(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f, want := benchFollower(now), audit.NewTally()
	f.view.Day.most = 20 // so that some have no row of their own
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for i := range uint64(3000) {
		r := request(i+1, now.Add(-time.Duration(random.IntN(40))*time.Hour), pick("a.example.com", "b.example.com", "", audit.Other), "deny")
		r.Client = netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(2))})
		r.Reason, r.Rule, r.Group = pick("host_not_listed", "lockdown", audit.Other), pick("", "x", audit.Other), pick("", "nodes")
		switch random.IntN(5) {
		case 0:
			r.Type, r.Count, r.First, r.Last = audit.TypeRepeat, int64(random.IntN(9)), r.Time.Add(-time.Minute), r.Time
		case 1:
			r.Type, r.Decision, r.BytesIn, r.BytesOut = audit.TypeClose, "allow", 7, 3
		case 2:
			r.Type, r.Status, r.Error = audit.TypeClose, 403, "destination_ip_prohibited"
		case 3:
			r.Decision = "allow"
		}
		take(t, f, r)
		want.Add(r, nil)
	}
	rows := func(t *audit.Tally) (text []string) {
		for r := range t.All() {
			text = append(text, fmt.Sprintf("%+v", *r))
		}
		slices.Sort(text)
		return text
	}
	f.View(func(v *View) {
		if v.Day.Overflow == 0 {
			t.Error("each request has a row of the day")
		}
		got, want := rows(v.Total), rows(want)
		if len(got) < 50 || !slices.Equal(got, want) {
			t.Errorf("%d rows of all, want %d:\n%s\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
