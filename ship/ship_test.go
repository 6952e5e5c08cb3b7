package ship

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"webproxy/audit"
	"webproxy/internal/proxytest"
)

// patience is how long a test waits for what should happen at once.
const patience = 2 * time.Minute

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func openLog(t *testing.T, o audit.Options) *audit.Log {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "audit")
	}
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// decision is the record of a request.
func decision() audit.Record {
	return audit.Record{
		Type: audit.TypeDecision, Client: netip.MustParseAddr("10.0.1.12"), ClientPort: 50112, Group: "nodes",
		Method: "CONNECT", Scheme: "https", Host: "gbl.his.arc.azure.com", Port: 443,
		Decision: "allow", Reason: "allowed_by_rule", Rule: "arc/his", Policy: "sha256:9c1e77aa01f2", Mode: "enforce", PathEnforced: true,
	}
}

// write appends n records.
func write(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for range n {
		r := decision()
		if err := l.Append(&r); err != nil {
			t.Error(err)
			return
		}
	}
}

// A running is a Shipper at work.
type running struct {
	*Shipper
	stop   func() // and wait
	logged *observer.ObservedLogs
}

// quick is a pace for tests.
func quick() pace {
	return pace{tick: 10 * time.Millisecond, batchDelay: time.Millisecond, settle: 50 * time.Millisecond,
		backoff: 5 * time.Millisecond, backoffMax: 20 * time.Millisecond, flush: patience,
		save: time.Millisecond, checkpoint: 10 * time.Millisecond, tell: 10 * time.Millisecond}
}

// run starts a Shipper named test; with changes it is changed before.
func run(t *testing.T, l *audit.Log, spec ReceiverSpec, changes ...func(*Shipper)) *running {
	t.Helper()
	if err := Check(map[string]ReceiverSpec{"test": spec}); err != nil {
		t.Fatal(err)
	}
	core, logged := observer.New(zap.InfoLevel)
	s, err := New(Config{Name: "test", Spec: spec, Log: l, Logger: zap.New(core), Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	s.pace = quick()
	for _, change := range changes {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	r := &running{s, func() { cancel(); wg.Wait() }, logged}
	t.Cleanup(r.stop)
	return r
}

// wantLogged fails unless the operator was told that.
func (r *running) wantLogged(t *testing.T, message string) {
	t.Helper()
	if r.logged.FilterMessage(message).Len() == 0 {
		t.Errorf("not logged: %s; but %v", message, r.logged.All())
	}
}

func TestShips(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{Rotate: 64 << 10})
	write(t, l, 1000)
	rec := listen(t, "127.0.0.1:0", &receiver{})
	spec := ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest}
	s := run(t, l, spec)
	write(t, l, 1000) // rotated meanwhile
	if err := l.Tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the records come", func() bool { return s.Stats().Shipped == 2000 && s.Stats().LagRecords == 0 })
	s.stop()
	texts := rec.texts()
	wantAll(t, texts, 2000)
	if len(texts) != 2000 {
		t.Errorf("%d messages, want each record once", len(texts))
	}
	if st := s.Stats(); st.Errors+st.Missing+st.Refused != 0 || st.Lag != 0 {
		t.Errorf("stats %+v", st)
	}
	// The lines are those of the log.
	lines := slices.Collect(logLines(t, l.Dir()))
	if !slices.Equal(lines, texts) {
		t.Error("what came is not what stands in the log")
	}
	// Who starts again goes on.
	write(t, l, 10)
	s = run(t, l, spec)
	s.stop()
	wantAll(t, rec.texts(), 2010)
	if n := len(rec.texts()); n != 2010 {
		t.Errorf("%d messages after a restart, want 2010", n)
	}
}

func logLines(t *testing.T, dir string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		_, err := audit.ScanLines(dir, audit.ScanOptions{}, func(_ *audit.Record, line string) error {
			yield(line)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestBeginsNow(t *testing.T) {
	l := openLog(t, audit.Options{})
	write(t, l, 10)
	rec := listen(t, "127.0.0.1:0", &receiver{})
	s := run(t, l, ReceiverSpec{Syslog: "tcp://" + rec.addr()})
	write(t, l, 2)
	s.stop() // sends what was written before
	if got := seqs(rec.texts()); !slices.Equal(got, []uint64{11, 12}) {
		t.Errorf("got %v, want 11 and 12", got)
	}
	s.wantLogged(t, "new receiver of audit records")
}

// The receiver is not there, then is, is reset in the middle with messages in its buffers, and ends.
func TestOutage(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{Rotate: 128 << 10})
	addr := proxytest.Unused(t)
	s := run(t, l, ReceiverSpec{Syslog: "tcp://" + addr, From: Oldest})
	write(t, l, 500)
	eventually(t, "attempts fail", func() bool { return s.Stats().Errors > 2 })
	if st := s.Stats(); st.LagRecords != 500 || st.Lag == 0 || st.Shipped != 0 {
		t.Errorf("stats without a receiver: %+v", st)
	}
	var texts []string
	for i, breakAt := range []int{3, 700, 1} {
		rec := listen(t, addr, &receiver{breakAt: breakAt})
		write(t, l, 1500)
		eventually(t, "a second connection after the reset", func() bool {
			rec.mu.Lock()
			defer rec.mu.Unlock()
			return rec.accepted > 1
		})
		if i == 1 {
			if err := l.Tidy(context.Background()); err != nil {
				t.Error(err)
			}
		}
		rec.close() // in the middle of it, or not
		texts = append(texts, rec.texts()...)
	}
	last := listen(t, addr, &receiver{})
	eventually(t, "the rest comes", func() bool { return s.Stats().LagRecords == 0 })
	wantAll(t, append(texts, last.texts()...), 5000)
	s.wantLogged(t, "audit records not shipped, they wait in the log")
	s.wantLogged(t, "audit records are shipped again")
}

// A receiver that reads nothing holds up nobody, and costs a bounded memory.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{Rotate: 1 << 20})
	rec := listen(t, "127.0.0.1:0", &receiver{hold: make(chan struct{})})
	s := run(t, l, ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest})
	const n, writers = 40_000, 40 // more than fits into the buffers of a connection
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() { write(t, l, n/writers) })
	}
	writing.Wait()
	if st := s.Stats(); st.Shipped != 0 || st.LagRecords != n {
		t.Errorf("before anything was read: %+v", st)
	}
	close(rec.hold)
	eventually(t, "all comes", func() bool { return s.Stats().LagRecords == 0 })
	s.stop()
	wantAll(t, rec.texts(), n)
	if most := cap(s.pending); most > 2*pendingItems {
		t.Errorf("room for %d records", most)
	}
}

// A receiver that never closes its side is not trusted, and does not keep Run from ending.
func TestNeverConfirms(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{})
	rec := listen(t, "127.0.0.1:0", &receiver{hold: make(chan struct{})})
	defer close(rec.hold)
	spec := ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest}
	s := run(t, l, spec, func(s *Shipper) { s.pace.flush = 50 * time.Millisecond })
	write(t, l, 5)
	eventually(t, "a connection", func() bool {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		return rec.accepted > 0
	})
	s.stop()
	if st := s.Stats(); st.Shipped != 0 || st.LagRecords != 5 {
		t.Errorf("stats %+v, want nothing shipped", st)
	}
	s.wantLogged(t, "audit records wait in the log for the next start")
	// confirm: write takes the writing for it.
	spec.Confirm = Write
	s = run(t, l, spec)
	eventually(t, "it counts as shipped", func() bool { return s.Stats().Shipped == 5 })
}

// Retention has overtaken the receiver: that is counted, told, recorded, and shipped.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{Rotate: 64 << 10})
	addr := proxytest.Unused(t)
	s := run(t, l, ReceiverSpec{Syslog: "tcp://" + addr, From: Oldest})
	s.stop() // it has a position: 0
	write(t, l, 1)
	up := listen(t, addr, &receiver{})
	s = run(t, l, ReceiverSpec{Syslog: "tcp://" + addr})
	eventually(t, "the first record comes", func() bool { return s.Stats().LagRecords == 0 })
	s.stop()
	write(t, l, 1000)
	files, err := filepath.Glob(filepath.Join(l.Dir(), "audit-*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files[:2] {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	s = run(t, l, ReceiverSpec{Syslog: "tcp://" + addr})
	eventually(t, "the rest comes", func() bool { return s.Stats().Missing > 0 && s.Stats().LagRecords == 0 && l.LastSeq() > 1001 })
	missing := uint64(s.Stats().Missing)
	texts := up.texts()
	if got := seqs(texts); got[0] != 1 || got[1] != missing+2 {
		t.Errorf("%d are missing, but after %d comes %d", missing, got[0], got[1])
	}
	want := fmt.Sprintf(`"first_seq":2,"last_seq":%d,"detail":"test did not get %d records from 2 to %d: they are no longer in the log"`, missing+1, missing, missing+1)
	if last := texts[len(texts)-1]; !strings.Contains(last, `"type":"system.ship"`) || !strings.Contains(last, want) {
		t.Errorf("the last record is\n%s\nwant\n%s", last, want)
	}
	s.wantLogged(t, "audit records were not shipped")
}

// The log was replaced by another: by a shorter one, which the position shows to be too short, by one as
// long, and by a longer.
func TestAnotherLog(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 10, 30} {
		dir := filepath.Join(t.TempDir(), "audit")
		l := openLog(t, audit.Options{Dir: dir})
		write(t, l, 10)
		rec := listen(t, "127.0.0.1:0", &receiver{})
		spec := ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest, Checkpoints: true}
		s := run(t, l, spec)
		s.stop()
		l.Close()
		before := len(rec.texts())
		if before != 11 { // and a checkpoint
			t.Fatalf("%d messages, want 11", before)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*ndjson*"))
		if err != nil {
			t.Fatal(err)
		}
		seals, err := filepath.Glob(filepath.Join(dir, "*-0000*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir+"-key", "audit.head")) // with it, the log would be the same, and rolled back
		for _, f := range append(files, seals...) {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		l = openLog(t, audit.Options{Dir: dir})
		write(t, l, n)
		s = run(t, l, spec)
		eventually(t, "the other log comes", func() bool { return has(rec.texts()[before:], uint64(n)) })
		s.stop()
		l.Close()
		var records []string
		for _, text := range rec.texts()[before:] {
			if !strings.Contains(text, `"type":"checkpoint"`) {
				records = append(records, text)
			}
		}
		wantAll(t, records, uint64(n))
		if got := len(rec.texts()) - before - len(records); got != 1 {
			t.Errorf("%d checkpoints of another log of %d records, want 1", got, n)
		}
		if st := s.Stats(); st.Missing != 0 {
			t.Errorf("stats %+v", st)
		}
	}
}

func TestWhere(t *testing.T) {
	l := openLog(t, audit.Options{})
	rec := listen(t, "127.0.0.1:0", &receiver{})
	spec := ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest, Where: "decision=deny"}
	denied := func() {
		r := decision()
		r.Decision, r.Reason = "deny", "host_not_listed"
		if err := l.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	write(t, l, 3)
	denied()
	write(t, l, 3)
	s := run(t, l, spec)
	eventually(t, "the position is at the end", func() bool { return s.Stats().LagRecords == 0 })
	denied()
	write(t, l, 2)
	s.stop()
	if got := seqs(rec.texts()); !slices.Equal(got, []uint64{4, 8}) {
		t.Errorf("got %v, want 4 and 8", got)
	}
	if st := s.Stats(); st.Shipped != 2 || st.LagRecords != 0 {
		t.Errorf("stats %+v", st)
	}
	p, err := readPosition(positionPath(l.Dir(), "test"))
	if err != nil || p.Seq != 10 {
		t.Errorf("position %+v, %v, want 10", p, err)
	}
}

// What came as checkpoints is an anchor.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	l := openLog(t, audit.Options{Rotate: 64 << 10})
	rec := listen(t, "127.0.0.1:0", &receiver{})
	s := run(t, l, ReceiverSpec{Syslog: "tcp://" + rec.addr(), From: Oldest, Checkpoints: true})
	for range 5 {
		write(t, l, 300)
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.stop() // and the last
	var anchor strings.Builder
	var last uint64
	for _, text := range rec.texts() {
		var c struct {
			Type, Note string
			Seq, Size  uint64
		}
		unmarshal(t, text, &c)
		if c.Type != "checkpoint" {
			last = c.Seq
			continue
		}
		anchor.WriteString(c.Note + "\n")
		if c.Size > last {
			t.Errorf("a checkpoint of %d records comes after record %d", c.Size, last)
		}
	}
	path := filepath.Join(t.TempDir(), "anchor")
	writeFile(t, path, anchor.String())
	if n := strings.Count(anchor.String(), "\nnumber "); n < 5 {
		t.Errorf("%d checkpoints", n)
	}
	// The log, cut back to its beginning with its own checkpoints, is found out.
	sums, err := filepath.Glob(filepath.Join(l.Dir(), "checkpoints-*"))
	if err != nil || len(sums) < 2 {
		t.Fatal(sums, err)
	}
	wantSound(t, l.Dir(), path, true)
	for _, f := range sums[1:] {
		os.Remove(f)
	}
	files, err := filepath.Glob(filepath.Join(l.Dir(), "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files[1:] {
		os.Remove(f)
	}
	os.Remove(filepath.Join(l.Dir(), "audit.ndjson"))
	wantSound(t, l.Dir(), path, false)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func unmarshal(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// wantSound fails unless verifying the log against an anchor says that it is, or is not, what it was.
func wantSound(t *testing.T, dir, anchor string, want bool) {
	t.Helper()
	key, err := audit.ReadPublicKey(filepath.Join(dir+"-key", "audit.pub"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Keys: []string{key}, Anchor: anchor})
	if err != nil {
		t.Fatal(err)
	}
	if v.OK() != want {
		t.Errorf("log is sound: %v, want %v; %v", v.OK(), want, v.Problems)
	}
}

var update = flag.Bool("update", false, "rewrite golden files")
