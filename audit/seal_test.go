package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// What a crash leaves unsealed is sealed by the next start, which says so.
func TestSealAfterACrash(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, l *audit.Log, dir string)
	}{
		{"before the first checkpoint with records", func(t *testing.T, l *audit.Log, dir string) { add(t, l, audittest.Decision()) }},
		{"some time after one", func(t *testing.T, l *audit.Log, dir string) {
			fill(t, l, dir, 1)
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			for range 30 {
				add(t, l, audittest.Decision())
			}
		}},
		{"two rotations after one", func(t *testing.T, l *audit.Log, dir string) {
			for range 30 {
				add(t, l, audittest.Decision())
			}
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			fill(t, l, dir, 2)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "audit")
			l := open(t, small(dir))
			tt.do(t, l, dir)
			last := l.Recent(1)[0].Seq
			dir = crashed(t, dir)
			l = open(t, small(dir))
			if got := add(t, l, audittest.Decision()).Seq; got != last+2 { // one says that the log was not closed
				t.Errorf("the next record is %d, want %d", got, last+2)
			}
			if err := l.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.Close()
			v := wantSound(t, dir, audit.VerifyOptions{})
			if v.Sealed != last+2 || len(v.Notes) == 0 || !strings.Contains(v.Notes[len(v.Notes)-1], fmt.Sprintf("%d: signed only at the start after a crash", last)) {
				t.Errorf("sealed up to %d, want %d; notes %q", v.Sealed, last+2, v.Notes)
			}
		})
	}
}

// Who removes checkpoints, alters records and lets the proxy sign them is found out by the age of
// what was signed late.
func TestSealLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := makeHistory(t, false)
		for i := 1; i < len(h.firsts); i++ {
			os.Remove(h.checkpoints(i))
			os.Remove(h.hashes(i))
		}
		h.alter(t, 2, 40)
		os.Remove(h.head()) // with it the proxy itself knows better: see TestCrashIsBounded
		open(t, small(h.dir)).Close()
		v := verify(t, h.dir, audit.VerifyOptions{})
		want := h.expand("seq {1}..{2-1}: sealed only by checkpoint ")
		if v.OK() || !strings.HasPrefix(v.Problems[0].String(), want) {
			t.Errorf("got %v, want %q", v, want)
		}
		v = verify(t, h.dir, audit.VerifyOptions{Anchor: h.anchor})
		if !strings.Contains(fmt.Sprint(v.Problems), "records differ from checkpoint") {
			t.Errorf("the anchor does not tell: %v", v.Problems)
		}
	})
}

// A start reads nothing that is sealed, however long the log.
func TestOpenReadsNoSealedSegment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, small(dir))
	fill(t, l, dir, 3)
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, f := range rotated(t, dir) {
		audittest.Write(t, f, "this would be an error")
	}
	l = open(t, small(dir))
	add(t, l, audittest.Decision())
	if got := l.Recent(2); len(got) != 1 {
		t.Errorf("the start has something to say: %s", got[1].Detail)
	}
}

func TestTornCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	for range 3 {
		for range 10 {
			add(t, l, audittest.Decision())
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	path := filepath.Join(dir, "checkpoints-000000000001")
	for i := range 4 {
		text := audittest.Contents(t, path)
		begin := strings.LastIndex(text, "webproxy audit ")
		cut := []int{begin + 1, begin + 100, len(text) - 2, len(text) - 1}[i]
		audittest.Write(t, path, text[:cut])
		l := open(t, audit.Options{Dir: dir})
		add(t, l, audittest.Decision())
		if got := l.Recent(2); len(got) != 1 {
			t.Errorf("cut at %d: the log says %s", cut-begin, got[1].Detail)
		}
		l.Close()
		wantSound(t, dir, audit.VerifyOptions{})
	}
}

// What cannot be signed now is signed later, in its place.
func TestSealTriesAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	o := small(dir)
	o.Anchor = filepath.Join(t.TempDir(), "not", "there")
	l := open(t, o)
	obstacle := filepath.Join(dir, "checkpoints-000000000001")
	os.Rename(obstacle, obstacle+".away")
	if err := os.Mkdir(obstacle, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		fill(t, l, dir, len(rotated(t, dir))+1)
		if err := l.Seal(); err == nil || !strings.Contains(err.Error(), "seal audit log") {
			t.Fatalf("Seal = %v, with nowhere to write", err)
		}
	}
	os.Remove(obstacle)
	os.Rename(obstacle+".away", obstacle)
	if err := l.Seal(); err == nil || !strings.Contains(err.Error(), "checkpoints not in the anchor") {
		t.Errorf("Seal = %v, with no anchor", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.Anchor), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	v := wantSound(t, dir, audit.VerifyOptions{Anchor: o.Anchor})
	if v.Checkpoints < 4 || v.Sealed != v.LastSeq {
		t.Errorf("%d checkpoints, up to %d of %d", v.Checkpoints, v.Sealed, v.LastSeq)
	}
	if got := strings.Count(audittest.Contents(t, o.Anchor), "webproxy audit"); uint64(got) != v.Checkpoints {
		t.Errorf("%d checkpoints in the anchor, want %d", got, v.Checkpoints)
	}
}

// keepWriting appends records to l, seals and tidies, until the returned function is called.
func keepWriting(t *testing.T, l *audit.Log) (stopped func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			add(t, l, audittest.Decision())
			if i%40 == 0 {
				if err := l.Seal(); err != nil {
					t.Error(err)
				}
			}
			if i%200 == 0 {
				if err := l.Tidy(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	return func() {
		close(stop)
		wg.Wait()
	}
}

// Whoever verifies a log that is being written to finds nothing wrong with it.
func TestVerifyWhileWriting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, small(dir))
	stop := keepWriting(t, l)
	for range 30 {
		wantSound(t, dir, audit.VerifyOptions{})
	}
	stop()
}

func TestKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	key := filepath.Join(dir+"-key", "audit.key")
	o := audit.Options{Dir: dir, Site: "site+01"}
	open(t, o).Close()
	public := public(t, dir)
	if !strings.HasPrefix(public, "site-01+") {
		t.Errorf("the public key is %s", public)
	}
	// The public key is written again, and it is the same.
	os.Remove(audit.PublicKeyFile(key))
	open(t, o).Close()
	if again := audittest.Contents(t, audit.PublicKeyFile(key)); again != public+"\n" {
		t.Errorf("the public key was %s, and is %s", public, again)
	}
	fails := func(want string) {
		t.Helper()
		l, err := audit.Open(o)
		if err == nil {
			l.Close()
			t.Fatalf("opened, want %q", want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open: %v, want %q", err, want)
		}
	}
	good := audittest.Contents(t, key)
	for _, bad := range []string{"", "hello\n", "PRIVATE+KEY+x+00000000+AAAA\n", good[:len(good)/2]} {
		audittest.Write(t, key, bad)
		fails("audit key")
	}
	// A new key does not take the old one's place: the old one's checkpoints are there.
	os.Remove(key)
	fails("belongs to another key")
	os.Rename(audit.PublicKeyFile(key), audit.PublicKeyFile(key)+".old")
	l := open(t, o)
	wantGap(t, l.Recent(1)[0], "that are no checkpoints of this log's key")
}

// After a change of keys, both together verify the log.
func TestSecondKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	o := audit.Options{Dir: dir, Site: "site-01"}
	l := open(t, o)
	for range 10 {
		add(t, l, audittest.Decision())
	}
	l.Close()
	first := public(t, dir)
	if err := os.RemoveAll(dir + "-key"); err != nil {
		t.Fatal(err)
	}
	l = open(t, o)
	wantGap(t, l.Recent(1)[0], "the records 1 to 10 are not sealed")
	for range 10 {
		add(t, l, audittest.Decision())
	}
	l.Close()
	v := wantSound(t, dir, audit.VerifyOptions{Keys: []string{first, public(t, dir)}})
	if len(v.Keys) != 2 {
		t.Errorf("signed by %q", v.Keys)
	}
	v = verify(t, dir, audit.VerifyOptions{})
	if !strings.Contains(fmt.Sprint(v.Problems), "seq 1..10: covered by no checkpoint: sealing began after them") {
		t.Errorf("with the second key alone: %v", v.Problems)
	}
}

func TestSealsEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, audit.Options{Dir: dir})
		done := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(done)
			l.Maintain(ctx, func(err error) { t.Error(err) })
		}()
		time.Sleep(30 * time.Second) // between two ticks
		for range 5 {
			add(t, l, audittest.Decision())
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour) // nothing happens: no checkpoints
		add(t, l, audittest.Decision())
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := wantSound(t, dir, audit.VerifyOptions{}); v.Checkpoints != 1+6 || v.Sealed != 6 {
			t.Errorf("%d checkpoints, up to record %d", v.Checkpoints, v.Sealed)
		}
		cancel()
		<-done
	})
}
