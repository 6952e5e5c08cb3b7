package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	full := make([]byte, 4096)
	w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err == nil { // until nothing more fits
		_, err = w.Write(full)
	}
	w.SetWriteDeadline(time.Time{})
	l.mu.Lock()
	file := l.live
	l.live = w
	l.mu.Unlock()
	return func() {
		r.Close() // the write fails
		l.mu.Lock()
		l.live = file
		l.mu.Unlock()
		w.Close()
	}
}

func openImpatient(t *testing.T) *Log {
	t.Helper()
	l, err := Open(Options{Dir: filepath.Join(t.TempDir(), "audit"), FoldWindow: setting.Off, Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	l.writer.wait = 20 * time.Millisecond
	return l
}

func hung() *Record { return &Record{Type: TypeStart, Detail: "test"} }

// While the disk hangs, nobody who appends or looks waits for it for longer than the writer's patience. When
// it answers again, the log goes on by itself and says what was lost.
func TestAppendToHangingDisk(t *testing.T) {
	l := openImpatient(t)
	defer l.Close()
	if err := l.Append(hung()); err != nil {
		t.Fatal(err)
	}
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
	l := openImpatient(t)
	defer l.Close()
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
