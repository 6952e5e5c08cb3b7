package ship

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/victorialogstest"
)

// openSite opens the log of a site.
func openSite(t *testing.T, site string) *audit.Log {
	return openLog(t, audit.Options{Site: site, Rotate: 256 << 10})
}

// after sets how long after sending is looked.
func after(d time.Duration) func(*Shipper) { return func(s *Shipper) { s.readback.after = d } }

// kept returns the lines of records that a VictoriaLogs has of a site, by number, and how many it has twice; those of checkpoints by size.
func kept(t *testing.T, vl *victorialogstest.Server, site string) (lines, checkpoints map[uint64]string, twice int) {
	t.Helper()
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.PostForm(vl.URL()+"/select/logsql/query", url.Values{"query": {fmt.Sprintf(`{"webproxy.site"=%q}`, site)}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines, checkpoints = map[uint64]string{}, map[uint64]string{}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var row map[string]string
		if err := json.Unmarshal(in.Bytes(), &row); err != nil {
			t.Fatalf("%v: %s", err, in.Text())
		}
		var m struct {
			Type      string
			Seq, Size uint64
		}
		unmarshal(t, row["_msg"], &m)
		if m.Type != row["webproxy.type"] || row["webproxy.seq"] != fmt.Sprint(m.Seq+m.Size) {
			t.Errorf("fields do not agree with the line: %v", row)
		}
		of, n := lines, m.Seq
		if m.Type == "checkpoint" {
			of, n = checkpoints, m.Size
		}
		if of[n] == row["_msg"] {
			twice++
		} else if of[n] != "" {
			t.Errorf("two different records have number %d:\n%s\n%s", n, of[n], row["_msg"])
		}
		of[n] = row["_msg"]
	}
	if err := in.Err(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return lines, checkpoints, twice
}

// wantWhole fails unless VictoriaLogs has every line of the log, byte for byte; it returns how many it has twice.
func wantWhole(t *testing.T, vl *victorialogstest.Server, l *audit.Log) (twice int) {
	t.Helper()
	lines, checkpoints, twice := kept(t, vl, l.Site())
	n := uint64(0)
	for want := range logLines(t, l.Dir()) {
		if n++; lines[n] != want {
			t.Fatalf("record %d of %s: VictoriaLogs has %q, want\n%s", n, l.Site(), lines[n], want)
		}
	}
	if n != l.LastSeq() || len(lines) != int(n) {
		t.Errorf("VictoriaLogs has %d records of %s, the log %d to %d", len(lines), l.Site(), n, l.LastSeq())
	}
	all, err := audit.Checkpoints(l.Dir(), 0, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if checkpoints[c.Size] == "" {
			t.Errorf("VictoriaLogs has no checkpoint of %s of %d records", l.Site(), c.Size)
		}
	}
	return twice
}

// Records arrive byte for byte, count once they are found there, and are not sent again after a restart.
func TestVictoriaLogs(t *testing.T) {
	vl := victorialogstest.Start(t)
	l := openSite(t, "oslo-1")
	spec := ReceiverSpec{VictoriaLogs: vl.URL(), From: Oldest}
	s := run(t, l, spec, after(time.Hour))
	write(t, l, 1500)
	eventually(t, "all is sent", func() bool { return s.Stats().Unconfirmed == 1500 })
	if st := s.Stats(); st.LagRecords != 1500 || st.Shipped != 0 || st.Lag == 0 {
		t.Errorf("before they were looked for: %+v", st)
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.wantLogged(t, "audit records were sent and are not confirmed yet; after the next start they are looked for")
	write(t, l, 500)
	s = run(t, l, spec, after(2*time.Second))
	eventually(t, "all is found", func() bool { return s.Stats().LagRecords == 0 })
	if st := s.Stats(); st.Shipped != 2000 || st.Unconfirmed != 0 || st.Resent != 0 || st.Errors != 0 {
		t.Errorf("stats %+v, logged %v", st, s.logged.All())
	}
	s.stop()
	if twice := wantWhole(t, vl, l); twice != 0 {
		t.Errorf("%d records came twice, across a restart in order", twice)
	}
	p, err := readPosition(positionPath(l.Dir(), "test"))
	if err != nil || p.Seq != 2000 || p.CheckpointNumber == 0 {
		t.Errorf("position %+v, %v", p, err)
	}
}

// VictoriaLogs is killed at random moments, also right after it acknowledged records, while several sites ship: in the end it has
// every record of every site.
func TestVictoriaLogsKilled(t *testing.T) {
	vl := victorialogstest.Start(t, "-inmemoryDataFlushInterval=1s")
	var logs []*audit.Log
	var shippers []*running
	for i := range 3 {
		l := openSite(t, fmt.Sprintf("site-%d", i))
		logs = append(logs, l)
		shippers = append(shippers, run(t, l, ReceiverSpec{VictoriaLogs: vl.URL(), From: Oldest}, after(5*time.Second)))
	}
	acknowledged := func() (n uint64) {
		for _, s := range shippers {
			n += s.stats.sent.Load()
		}
		return n
	}
	moments := rand.New(rand.NewPCG(1, 2))
	random := func(most time.Duration) time.Duration { return time.Duration(moments.Int64N(int64(most))) }
	for _, then := range []time.Duration{0, random(time.Second), random(3 * time.Second)} {
		enough := acknowledged() + uint64(moments.IntN(400))
		for _, l := range logs {
			write(t, l, 200)
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "some are acknowledged", func() bool { return acknowledged() > enough })
		time.Sleep(then)
		vl.Kill()
		if then == 0 { // the proxy is restarted too
			shippers[0].stop()
			shippers[0] = run(t, logs[0], ReceiverSpec{VictoriaLogs: vl.URL()}, after(5*time.Second))
		}
		if err := vl.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	resent, twice := int64(0), 0
	for i, s := range shippers {
		eventually(t, "all is found", func() bool { return s.Stats().LagRecords == 0 })
		s.stop()
		resent += s.Stats().Resent
		twice += wantWhole(t, vl, logs[i])
		if st := s.Stats(); st.Missing+st.Refused != 0 {
			t.Errorf("stats %+v", st)
		}
	}
	if resent == 0 {
		t.Error("nothing was sent again, though the first kill came right after an acknowledgement")
	}
	t.Logf("%d records were sent again, %d are there twice", resent, twice)
}
