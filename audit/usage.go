package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"webproxy/internal/setting"
)

// Usage is what a log uses on disk, and what room it has.
type Usage struct {
	Bytes int64 // all files in its directory, as of the last Tidy, and the live file as it is
	Limit int64 // Options.RetainSize; 0 if there is none
	Free  int64 // what this process could write to that disk at the last check; -1 if unknown
}

const (
	// roomEvery is how often Maintain looks at Usage.
	roomEvery = time.Minute
	// usageAlarm is the part of its limit at which a log is reported: records will be deleted before their time. It
	// is reported again only after it was below usageCalm.
	usageAlarm = 0.8
	usageCalm  = 0.7
	// freeFiles is how many more files of the size at which they are rotated must fit on the disk; with fewer it is
	// reported, and again only after there was room for freeCalm.
	freeFiles = 2
	freeCalm  = 3
)

// gauges are values that are read without waiting for the log's disk, or for a caller that waits for it.
type gauges struct {
	last                atomic.Uint64 // number of the last record
	live, others, space atomic.Int64  // bytes: of the live file, of all others, free on the disk
}

// note copies the values from l. The caller holds l.mu.
func (g *gauges) note(l *Log) {
	g.last.Store(l.next - 1)
	g.live.Store(l.size)
	g.others.Store(l.others)
}

// measureFree asks the disk, and may hang with it.
func (g *gauges) measureFree(dir string) {
	free, err := freeBytes(dir)
	if err != nil {
		free = -1
	}
	g.space.Store(free)
}

// Usage returns what the log takes on disk, for metrics. What is free is as of the last CheckRoom, or of Open.
func (l *Log) Usage() Usage {
	u := Usage{Bytes: l.gauges.others.Load() + l.gauges.live.Load(), Free: l.gauges.space.Load()}
	if l.options.RetainSize != setting.SizeOff {
		u.Limit = int64(l.options.RetainSize)
	}
	return u
}

// Days is for how many days there is room, within Limit and on the disk, at the pace of a log that began at that time. It reports false
// for a log that is not a day old, or if nobody knows how much room there is.
func (u *Usage) Days(began, now time.Time) (days int, known bool) {
	const most = 99_999
	left := u.Free
	if u.Limit > 0 && (left < 0 || u.Limit-u.Bytes < left) {
		left = max(u.Limit-u.Bytes, 0)
	}
	age := now.Sub(began).Hours() / 24
	if left < 0 || began.IsZero() || age < 1 {
		return 0, false
	}
	perDay := max(float64(u.Bytes)/age, 1)
	return int(min(float64(left)/perDay, most)), true
}

// Began returns the time of the first record of the log in dir; zero if it has none. It reads the disk, little of it.
func Began(dir string) (time.Time, error) {
	rotated, live, err := segments(dir)
	if err != nil {
		return time.Time{}, err
	}
	for _, s := range append(rotated, segment{name: live}) {
		at, err := firstTime(dir, s)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return time.Time{}, err
		}
		if !at.IsZero() {
			return at, nil
		}
	}
	return time.Time{}, nil
}

// firstTime is the time of the first record in a file; zero if it has none.
func firstTime(dir string, s segment) (time.Time, error) {
	f, err := openSegment(dir, s)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	for line := range newLineReader(f).all() {
		if h, ok := parseHead(line.text); ok {
			if at, err := time.Parse(TimeLayout, string(h.ts)); err == nil {
				return at, nil
			}
		}
	}
	return time.Time{}, nil
}

// alarms are the reports of CheckRoom that are still in force.
type alarms struct {
	mu          sync.Mutex
	limit, disk bool
}

// CheckRoom returns an error when the log is near RetainSize, or its disk is nearly full, while there is time to do
// something about it. Each is reported once, until it is over. Maintain calls it every minute.
func (l *Log) CheckRoom() error {
	l.gauges.measureFree(l.options.Dir)
	u := l.Usage()
	l.alarms.mu.Lock()
	defer l.alarms.mu.Unlock()
	return errors.Join(l.checkLimit(&u), l.checkDisk(&u))
}

func (l *Log) checkLimit(u *Usage) error {
	if u.Limit == 0 {
		return nil
	}
	part := float64(u.Bytes) / float64(u.Limit)
	if !raise(&l.alarms.limit, part >= usageAlarm, part < usageCalm) {
		return nil
	}
	return fmt.Errorf("the log takes %.0f%% of retain_size (%s): beyond it the oldest records are deleted, however young (retain: %s)",
		100*part, l.options.RetainSize, l.options.Retain)
}

func (l *Log) checkDisk(u *Usage) error {
	if u.Free < 0 {
		return nil
	}
	file := int64(l.options.Rotate)
	if l.options.Rotate == setting.SizeOff {
		file = int64(DefaultRotate)
	}
	if !raise(&l.alarms.disk, u.Free < freeFiles*file, u.Free >= freeCalm*file) {
		return nil
	}
	then := "every request is refused"
	if l.options.OnError == Continue {
		then = "requests go unrecorded"
	}
	return fmt.Errorf("%d MiB are free on the disk of %s: when it is full, %s", u.Free>>20, l.options.Dir, then)
}

// raise sets *raised, and reports whether it was not set before. Between on and off it stays as it is.
func raise(raised *bool, on, off bool) bool {
	before := *raised
	*raised = on || before && !off
	return *raised && !before
}

// measure adds up the files in the log's directory.
func (l *Log) measure() (used int64, err error) {
	entries, err := os.ReadDir(l.options.Dir)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	live := filepath.Base(l.path)
	l.mu.Unlock()
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.Name() != live { // otherwise it is gone by now
			used += info.Size()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others = used
	l.gauges.note(l)
	return used + l.size, nil
}
