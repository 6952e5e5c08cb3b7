package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/internal/setting"
)

// Inside the package: a disk that hangs is a pipe that nobody reads, in the place of the live file.

// hang makes l's disk hang until the returned function is called.
func hang(t *testing.T, l *Log) (release func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	filled := make(chan struct{})
	go func() { // more than fits: later writes wait for this one, and this one for a reader
		defer close(filled)
		w.Write(make([]byte, 4<<20))
	}()
	if _, err := r.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	l.mu.Lock()
	file := l.live
	l.live = w
	l.mu.Unlock()
	return func() {
		r.Close() // the writes fail
		<-filled
		l.mu.Lock()
		l.live = file
		l.mu.Unlock()
		w.Close()
	}
}

func openUnsynced(t *testing.T) *Log {
	t.Helper()
	l, err := Open(Options{Dir: filepath.Join(t.TempDir(), "audit"), AggregateWindow: setting.Off, Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hurried has Append give up soon: from then on it may fail on a disk that works, too, if the machine pauses.
const hurried = 20 * time.Millisecond

func hung() *Record { return &Record{Type: TypeStart, Detail: "test"} }

// While the disk hangs, nobody who appends or looks waits for it for longer than the writer's patience. When
// it answers again, the log goes on by itself and says what was lost.
func TestAppendToHangingDisk(t *testing.T) {
	l := openUnsynced(t)
	defer l.Close()
	if err := l.Append(hung()); err != nil {
		t.Fatal(err)
	}
	l.SetPatience(hurried)
	release := hang(t, l)
	const appends = 20
	errs := make(chan error, appends)
	for range appends {
		go func() {
			r := hung()
			err := l.Append(r)
			if r.Seq != 0 {
				err = errors.New("a record that was given up has a number")
			}
			errs <- err
		}()
	}
	for range appends {
		if err := <-errs; !errors.Is(err, ErrStalled) {
			t.Errorf("Append = %v, want %v", err, ErrStalled)
		}
	}
	if !l.Stalled() {
		t.Error("Stalled() = false")
	}
	// None of these may wait for the log's mutex, which the hanging write holds.
	if l.LastSeq() != 1 || l.Usage().Bytes == 0 || l.Written() != 1 || l.Errors() != appends {
		t.Errorf("last %d, usage %+v, written %d, errors %d", l.LastSeq(), l.Usage(), l.Written(), l.Errors())
	}
	release()
	var r *Record
	for r = hung(); ; r = hung() { // until the writer has come back from the write that hung
		err := l.Append(r)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrStalled) {
			t.Fatal(err)
		}
	}
	said := false
	for _, r := range l.Recent(recentRecords) {
		said = said || r.Type == TypeGap && strings.Contains(r.Detail, "records could not be written since")
	}
	if !said {
		t.Error("the log does not say what was lost")
	}
}

// Of a record that was written after all the log says that its writer had given up.
func TestLateRecord(t *testing.T) {
	l := openUnsynced(t)
	defer l.Close()
	l.SetPatience(hurried)
	l.mu.Lock() // the disk hangs before the write
	late := &Record{Type: TypeStart, Detail: "late"}
	if err := l.Append(late); !errors.Is(err, ErrStalled) {
		t.Errorf("Append = %v, want %v", err, ErrStalled)
	}
	l.mu.Unlock()
	for l.Append(hung()) != nil {
	}
	records := l.Recent(recentRecords)
	at := slices.IndexFunc(records, func(r Record) bool { return r.Detail == "late" })
	if at < 0 {
		t.Fatal("the record is not in the log")
	}
	said := fmt.Sprintf("record %d was written after its writer had given up", records[at].Seq)
	if !slices.ContainsFunc(records, func(r Record) bool { return r.Type == TypeGap && strings.Contains(r.Detail, said) }) {
		t.Errorf("the log does not say: %s", said)
	}
}

// A call that hangs is made once, and what it came to is told later.
func TestHangingCall(t *testing.T) {
	var c patientCall
	c.since = time.Now().Add(-time.Hour)
	hold := make(chan struct{})
	c.running = make(chan error, 1)
	running := c.running
	go func() { <-hold; running <- errors.New("late") }()
	if finished, err := c.do(func() error { t.Error("a second call beside the one that hangs"); return nil }); finished || !errors.Is(err, errHangs) {
		t.Errorf("while it hangs: %v, %v", finished, err)
	}
	close(hold)
	for {
		finished, err := c.do(nil)
		if !finished {
			continue
		}
		if err == nil || err.Error() != "late" {
			t.Errorf("of the call that hung: %v", err)
		}
		break
	}
	if finished, err := c.do(func() error { return nil }); !finished || err != nil {
		t.Errorf("after it: %v, %v", finished, err)
	}
}

// queued waits until n records wait for l's writer.
func queued(l *Log, n int) {
	for {
		l.writer.mu.Lock()
		have := len(l.writer.queue) + len(l.writer.working)
		l.writer.mu.Unlock()
		if have == n {
			return
		}
		runtime.Gosched()
	}
}

// Records that come while the log is busy are written together, in one write; if that fails, each is told so, and
// none has a number.
func TestAppendTogether(t *testing.T) {
	l := openUnsynced(t)
	defer l.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const appends = 10
	together := func() []error {
		l.mu.Lock()
		file := l.live
		l.live, l.checked = w, time.Now().Add(time.Hour) // nobody is to see that it is another file
		errs := make(chan error, appends+1)
		add := func() {
			r := hung()
			err := l.Append(r)
			if (r.Seq != 0) != (err == nil) {
				t.Errorf("Append = %v, and the record's number is %d", err, r.Seq)
			}
			errs <- err
		}
		go add()
		queued(l, 1) // the writer is busy with that one, or will take it together with the others
		for range appends {
			go add()
		}
		queued(l, appends+1)
		l.mu.Unlock()
		var all []error
		for range appends + 1 {
			all = append(all, <-errs)
		}
		l.mu.Lock()
		l.live, l.checked = file, time.Now().Add(time.Hour)
		l.mu.Unlock()
		return all
	}
	for _, err := range together() {
		if err != nil {
			t.Error(err)
		}
	}
	read := make([]byte, 64<<10)
	n, err := r.Read(read)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bytes.Count(read[:n], []byte("\n")); lines < appends+1; lines = bytes.Count(read[:n], []byte("\n")) {
		more, err := r.Read(read[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += more
	}
	for i, line := range bytes.Split(bytes.TrimSpace(read[:n]), []byte("\n")) {
		if r, err := Decode(line); err != nil || r.Seq != uint64(i+1) {
			t.Errorf("record %d of %d: %v", r.Seq, appends+1, err)
		}
	}
	if most := l.writes.Load(); most > 2 {
		t.Errorf("%d writes for %d records, want 2 at most", most, appends+1)
	}
	r.Close()
	for _, err := range together() {
		if err == nil {
			t.Error("Append = nil, and the write failed")
		}
	}
	if l.LastSeq() != appends+1 || l.Errors() != appends+1 {
		t.Errorf("last record %d, %d errors", l.LastSeq(), l.Errors())
	}
}
