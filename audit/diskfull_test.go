//go:build linux || darwin

package audit_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// A process may be forbidden to make a file longer than so many bytes: to it, the disk is full,
// in the middle of a record. The child does that to itself, lest other tests suffer.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	cmd := child(t, "diskfull", dir)
	cmd.Stdout = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	records := wantWhole(t, dir, 12)
	for i, r := range records {
		if i == 10 {
			wantGap(t, r, "5 records could not be written since")
		} else if r.Type != audit.TypeDecision {
			t.Errorf("record %d is %s", r.Seq, r.Type)
		}
	}
}

func childOther(kind, dir string) int {
	if kind != "diskfull" {
		return 2
	}
	if err := fillDisk(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fillDisk writes ten records, fails to write five, and writes one more when there is room again.
func fillDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	l, err := audit.Open(audit.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer l.Close()
	for range 10 {
		r := audittest.Decision()
		if err := l.Append(&r); err != nil {
			return err
		}
	}
	info, err := os.Stat(live(dir))
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	before := limit
	limit.Cur = uint64(info.Size() + 100) // a part of the record still fits
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for range 5 {
		r := audittest.Decision()
		if err := l.Append(&r); !errors.Is(err, syscall.EFBIG) || r.Seq != 0 || r.ID != "" {
			return fmt.Errorf("on a full disk: Append = %v, record %+v", err, r)
		}
		if now, err := os.Stat(live(dir)); err != nil || now.Size() != info.Size() {
			return fmt.Errorf("a part of a record was left: %d bytes, want %d, %v", now.Size(), info.Size(), err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	r := audittest.Decision()
	if err := l.Append(&r); err != nil || r.Seq != 12 {
		return fmt.Errorf("with room again: Append = %v, seq %d", err, r.Seq)
	}
	return nil
}
