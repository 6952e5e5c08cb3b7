package audit_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// smallDisk mounts a file system of the given size in kB for the time of the test, which needs root.
func smallDisk(t *testing.T, kilobytes string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+kilobytes+"k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// That the disk gets full is said once, in time, and again only after there was room.
func TestDiskNearlyFull(t *testing.T) {
	disk := smallDisk(t, "1024")
	o := small(filepath.Join(disk, "audit")) // two files of 64 KiB are to fit, then three
	l := open(t, o)
	ballast := filepath.Join(disk, "ballast")
	for _, step := range []struct {
		free int64 // about
		want bool
	}{{500, false}, {100, true}, {90, false}, {150, false}, {100, false}, {300, false}, {100, true}} {
		os.Remove(ballast)
		audittest.Write(t, ballast, string(make([]byte, freeOn(t, disk)-step.free<<10)))
		err := l.CheckRoom()
		if free := l.Usage().Free; free>>10 < step.free-8 || free>>10 > step.free+8 {
			t.Fatalf("%d KiB free, want about %d", free>>10, step.free)
		}
		if (err != nil) != step.want || step.want && !strings.Contains(err.Error(), "when it is full, every request is refused") {
			t.Errorf("with %d KiB free: %v, want an alarm: %v", step.free, err, step.want)
		}
	}
}

func freeOn(t *testing.T, dir string) int64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// On a full disk nothing is acknowledged that is not written; when there is room again the log goes
// on by itself, says what was lost, and is sound.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "256")
	dir := filepath.Join(disk, "audit")
	l := open(t, audit.Options{Dir: dir})
	ballast := filepath.Join(disk, "ballast")
	var acknowledged, refused uint64
	for round := range 3 {
		// Full but for a little, so that a record fits in part.
		audittest.Write(t, ballast, string(make([]byte, 64<<10)))
		fillUp(t, ballast)
		for refusedNow := 0; refusedNow < 20; {
			r := audittest.Decision()
			switch err := l.Append(&r); {
			case err == nil:
				acknowledged = r.Seq
			case !errors.Is(err, syscall.ENOSPC):
				t.Fatal(err)
			default:
				refusedNow++
				refused++
			}
			if err := l.Seal(); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		if _, stats := read(t, dir); stats.LastSeq != acknowledged || stats.Missing+stats.Unreadable != 0 || stats.InProgress != 0 {
			t.Fatalf("round %d: %d was acknowledged, the log holds %+v", round, acknowledged, stats)
		}
		os.Remove(ballast)
		acknowledged = add(t, l, audittest.Decision()).Seq
		wantGap(t, l.Recent(2)[1], "20 records could not be written since")
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if l.Errors() != refused {
		t.Errorf("Errors() = %d, want %d", l.Errors(), refused)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, dir, acknowledged)
	if v := wantSound(t, dir, audit.VerifyOptions{}); v.Sealed != acknowledged {
		t.Errorf("sealed up to %d, want %d", v.Sealed, acknowledged)
	}
}

// A disk without a free inode, but with room, refuses no record: the log is not rotated until there is one.
func TestNoFreeInodes(t *testing.T) {
	disk := smallDisk(t, "4096")
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, "nr_inodes=16"); err != nil {
		t.Skip(err)
	}
	l := open(t, audit.Options{Dir: filepath.Join(disk, "audit"), Key: filepath.Join(t.TempDir(), "audit.key"), Rotate: 64 << 10})
	add(t, l, audittest.Decision())
	var ballast []string
	for i := range 16 {
		path := filepath.Join(disk, strconv.Itoa(i))
		f, err := os.Create(path)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		ballast = append(ballast, path)
	}
	n := 300 // more than a file
	for range n {
		add(t, l, audittest.Decision())
	}
	if files := rotated(t, l.Dir()); len(files) != 0 {
		t.Errorf("rotated without an inode: %q", files)
	}
	if err := l.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "rotate audit log") {
		t.Errorf("Tidy says %v, want why the log was not rotated", err)
	}
	for _, path := range ballast {
		os.Remove(path)
	}
}

// fillUp appends to a file until its disk is full.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 512)); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return
		}
	}
}

// Denials counted on a full disk are told when there is room again.
func TestFullDiskKeepsCounts(t *testing.T) {
	disk := smallDisk(t, "256")
	dir := filepath.Join(disk, "audit")
	l := open(t, audit.Options{Dir: dir})
	for range 10 {
		add(t, l, denial("loop.example.org"))
	}
	ballast := filepath.Join(disk, "ballast")
	audittest.Write(t, ballast, "")
	fillUp(t, ballast)
	for range 500 {
		add(t, l, denial("loop.example.org")) // no record, nothing to write
	}
	os.Remove(ballast)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	records, _ := read(t, dir)
	if n := told(records); n != 510 {
		t.Errorf("the log tells of %d denials, want 510", n)
	}
}

// Retention makes room on a full disk, and is recorded all the same.
func TestFullDiskRetains(t *testing.T) {
	disk := smallDisk(t, "512")
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(disk, "audit")
		o := small(dir)
		o.Retain = setting.Duration(time.Hour)
		l := open(t, o)
		fill(t, l, dir, 2)
		time.Sleep(2 * time.Hour)
		ballast := filepath.Join(disk, "ballast")
		audittest.Write(t, ballast, "")
		fillUp(t, ballast)
		for err := error(nil); err == nil; { // what room its last page had
			r := audittest.Decision()
			err = l.Append(&r)
		}
		if err := l.Tidy(t.Context()); !errors.Is(err, syscall.ENOSPC) { // sealing comes first, and cannot
			t.Errorf("Tidy: %v", err)
		}
		if err := l.Tidy(t.Context()); err != nil {
			t.Errorf("Tidy with room again: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		records, stats := read(t, dir)
		if n := len(byType(records, audit.TypeRetain)); n != 1 || stats.FirstSeq == 1 || stats.Missing != 0 {
			t.Errorf("%d records of a deletion; %+v", n, stats)
		}
		wantSound(t, dir, audit.VerifyOptions{})
	})
}

// With a proxy in front: on a full disk requests are refused and reach nobody, and when there is room
// again they are let through.
func TestFullDiskRefuses(t *testing.T) {
	disk := smallDisk(t, "256")
	dir := filepath.Join(disk, "audit")
	l := open(t, audit.Options{Dir: dir})
	var reached atomic.Int64
	p := proxytest.Start(t, proxytest.Config{
		Origin: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }),
		Setup:  func(s *proxy.Server) { s.Audit = l },
	})
	get := func() string {
		resp, err := p.Client.Get(p.URL("/"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Status
	}
	if got := get(); got != "200 OK" {
		t.Fatalf("got %s", got)
	}
	ballast := filepath.Join(disk, "ballast")
	audittest.Write(t, ballast, "")
	fillUp(t, ballast)
	refused := 0
	for refused < 10 {
		if got := get(); strings.Contains(got, "audit_unavailable") {
			refused++
		} else if refused > 0 || got != "200 OK" {
			t.Fatalf("got %s on a full disk", got)
		}
	}
	os.Remove(ballast)
	if got := get(); got != "200 OK" {
		t.Errorf("got %s with room again", got)
	}
	p.Server.Shutdown(t.Context())
	l.Close()
	records, stats := read(t, dir)
	allowed := 0
	for _, r := range byType(records, audit.TypeDecision) {
		if r.Decision == "allow" {
			allowed++
		}
	}
	if int64(allowed) != reached.Load() || stats.Missing+stats.Unreadable != 0 {
		t.Errorf("%d requests reached the origin, the log has %d; %+v", reached.Load(), allowed, stats)
	}
	wantSound(t, dir, audit.VerifyOptions{})
}
