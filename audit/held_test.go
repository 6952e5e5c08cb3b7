package audit_test

import (
	"context"
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
	"webproxy/internal/sharedfile"
)

// holder has l find that files cannot be renamed, as on Windows those that a program has open which does not share them for
// deletion.
type holder struct {
	mu sync.Mutex

	now map[string]bool
}

func hold(l *audit.Log, names ...string) *holder {
	h := &holder{now: map[string]bool{}}
	h.set(names...)
	l.SetRename(func(from, to string) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.now[filepath.Base(from)] {
			return &os.PathError{Op: "rename", Path: from, Err: sharedfile.ErrHeld}
		}
		return os.Rename(from, to)
	})
	return h
}

func (h *holder) set(names ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.now)
	for _, name := range names {
		h.now[name] = true
	}
}

// logNames are the files with records in dir.
func logNames(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "audit*.ndjson*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

// A program that has the live file open such that it cannot be renamed stops no rotation: it goes on in a file beside it. What reads the
// log reads both, in order, and when the program is gone the files have the names that they should have.
func TestRotateWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		o := small(dir)
		o.RotateEvery = 0
		l := open(t, o)
		h := hold(l, "audit.ndjson")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var said []string
		var saying sync.Mutex
		maintained, followed := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(maintained)
			l.Maintain(ctx, func(err error) {
				saying.Lock()
				defer saying.Unlock()
				said = append(said, err.Error())
			})
		}()
		var seen []uint64
		go func() {
			defer close(followed)
			err := audit.Follow(ctx, dir, 0, func(r *audit.Record, _ string) error {
				seen = append(seen, r.Seq)
				return nil
			}, func(b audit.BadLine) { t.Error(b) })
			if err != nil {
				t.Error(err)
			}
		}()
		write := func(files int) { // until that many live files were begun beside
			t.Helper()
			for range 200 * files {
				add(t, l, audittest.Decision())
				time.Sleep(time.Millisecond)
			}
		}
		write(1)
		names := logNames(t, dir)
		if len(names) != 2 || names[0] != "audit.ndjson" || !strings.HasPrefix(names[1], "audit.ndjson.after-") {
			t.Fatalf("files %q, want the live file and one beside it", names)
		}
		if info, err := os.Stat(live(dir)); err != nil || info.Size() > 80<<10 {
			t.Errorf("the held file has grown on: %v, %v", info, err)
		}
		// It is said at once, and counted.
		synctest.Wait()
		saying.Lock()
		if len(said) != 1 || !strings.Contains(said[0], "another program has") || !strings.Contains(said[0], names[1]) {
			t.Errorf("reported %q, want that another program has the file open, and where records go", said)
		}
		saying.Unlock()
		if n := l.RotateErrors(); n != 1 {
			t.Errorf("%d errors, want 1", n)
		}
		// The file beside it is held too; and so are others, and the log goes on.
		h.set(names...)
		write(1)
		more := logNames(t, dir)
		if len(more) != 3 || !slices.Equal(more[:2], names) {
			t.Fatalf("files %q, want another one beside %q", more, names)
		}
		wantWhole(t, dir, l.LastSeq())
		if v := verify(t, dir, audit.VerifyOptions{Keys: []string{public(t, dir)}}); !v.OK() {
			t.Errorf("verify: %v\n%q", v, v.Problems)
		}
		// What it takes on disk is all of it.
		var size int64
		if err := l.Tidy(ctx); err != nil {
			t.Errorf("Tidy: %v", err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		if used := l.Usage().Bytes; used != size {
			t.Errorf("the log takes %d bytes, want %d", used, size)
		}
		// Who follows the log has seen all.
		time.Sleep(time.Second)
		synctest.Wait()
		if uint64(len(seen)) != l.LastSeq() {
			t.Errorf("Follow: %d records of %d", len(seen), l.LastSeq())
		}
		// The program lets go.
		h.set()
		time.Sleep(5 * time.Second)
		add(t, l, audittest.Decision())
		after := logNames(t, dir)
		if len(after) != 3 || after[2] != "audit.ndjson" || strings.Contains(strings.Join(after, " "), "after") {
			t.Errorf("files %q, want two rotated ones and the live file", after)
		}
		write(1)
		wantWhole(t, dir, l.LastSeq())
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		<-maintained
		<-followed
		for i, seq := range seen {
			if seq != uint64(i+1) {
				t.Fatalf("Follow: record %d has the number %d", i+1, seq)
			}
		}
		if uint64(len(seen)) != l.LastSeq() {
			t.Errorf("Follow: %d records of %d", len(seen), l.LastSeq())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, dir, audit.VerifyOptions{Keys: []string{public(t, dir)}}); !v.OK() {
			t.Errorf("verify: %v\n%q", v, v.Problems)
		}
	})
}

// A proxy that is killed meanwhile goes on in the file beside it, and gives both their names.
func TestOpenWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		hold(l, "audit.ndjson")
		for range 200 {
			add(t, l, audittest.Decision())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		names := logNames(t, dir)
		if len(names) != 2 || names[0] != "audit.ndjson" {
			t.Fatalf("files %q", names)
		}
		l = open(t, small(dir))
		if last := l.LastSeq(); last != 200 {
			t.Errorf("the log goes on after record %d, want 200", last)
		}
		add(t, l, audittest.Decision())
		if names := logNames(t, dir); len(names) != 2 || names[1] != "audit.ndjson" {
			t.Errorf("files %q, want a rotated one and the live file", names)
		}
		wantWhole(t, dir, 201)
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, dir, audit.VerifyOptions{Keys: []string{public(t, dir)}}); !v.OK() {
			t.Errorf("verify: %v\n%q", v, v.Problems)
		}
	})
}

// If there is no room for a file beside it either, the log grows on, and it is tried again.
func TestHeldAndNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		l := open(t, small(dir))
		l.SetRename(func(from, _ string) error { return &os.PathError{Op: "rename", Path: from, Err: sharedfile.ErrHeld} })
		for range 300 {
			add(t, l, audittest.Decision())
		}
		if names := logNames(t, dir); len(names) != 1 {
			t.Errorf("files %q, want the live one", names)
		}
		if n := l.RotateErrors(); n != 1 {
			t.Errorf("%d errors, want 1", n)
		}
		if err := l.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "rotate") {
			t.Errorf("Tidy reports %v, want the rotation that failed", err)
		}
		l.SetRename(os.Rename)
		time.Sleep(time.Minute)
		add(t, l, audittest.Decision())
		if names := logNames(t, dir); len(names) != 2 {
			t.Errorf("files %q, want two", names)
		}
		wantWhole(t, dir, 301)
	})
}
