package live

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"webproxy/audit"
)

// A Follower keeps the state of one log. Dir is set before Run. It is safe for concurrent use.
type Follower struct {
	Dir string
	// Feed gets each record. It may be nil.
	Feed *Feed
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time

	progress audit.Progress

	mu   sync.RWMutex // guards view
	view View
}

// A View is the state of a Follower.
type View struct {
	// Counted reports whether the log was read to its end once; until then all below is incomplete.
	Counted bool
	// AsOf is when the state was last brought up to date.
	AsOf time.Time
	// Last is the number and the time of the last record.
	LastSeq  uint64
	LastTime time.Time
	// Total counts the whole log, as far back as it is retained.
	Total *audit.Tally
	// Day is the last 24 hours.
	Day *Day
	// Decisions are what people decided: records of type admin.*, the oldest first.
	Decisions []audit.Record
	// Logins are the last records about who logged in to the dashboard, or failed to, the oldest first.
	Logins []audit.Record
	// System are the last records of type system.*, the oldest first.
	System []audit.Record
	// recent are the last requests.
	recent recent
	// Bad is how many lines since the start were not records; Missing and Unreadable are those of the first reading.
	Bad        uint64
	Missing    uint64
	Unreadable uint64
	// Err is why following has stopped; nil if it has not.
	Err error
}

const (
	keptDecisions = 20_000
	keptLogins    = 1_000
	keptSystem    = 500
)

// View calls fn with the state. fn must be quick and must not keep any of it: the follower waits meanwhile.
func (f *Follower) View(fn func(*View)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	v := f.view
	if v.Total == nil {
		v.Total, v.Day = audit.NewTally(), newDay(f.now())
	}
	fn(&v)
}

// Progress is the part of the log that has been counted at the start, from 0 to 1.
func (f *Follower) Progress() float64 {
	done, total := f.progress.Bytes()
	return min(float64(done)/float64(max(total, 1)), 1)
}

func (f *Follower) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// retryEvery is the pause after an error, such as a missing directory.
const retryEvery = time.Second

// Run counts the log and follows it until ctx is done.
func (f *Follower) Run(ctx context.Context) {
	last := f.count(ctx)
	for ctx.Err() == nil {
		err := audit.FollowShared(ctx, f.Dir, last, func(r *audit.Record, line string) error {
			last = r.Seq
			f.add(r, line)
			return nil
		}, func(audit.BadLine) {
			f.mu.Lock()
			f.view.Bad++
			f.mu.Unlock()
		})
		f.mu.Lock()
		f.view.Err = err
		f.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(retryEvery):
		}
	}
}

// count reads the existing log and returns the number of its last record.
func (f *Follower) count(ctx context.Context) uint64 {
	now := f.now()
	f.mu.Lock()
	f.view.Total, f.view.Day = audit.NewTally(), newDay(now)
	f.mu.Unlock()
	counted, err := audit.CountSplit(f.Dir, audit.ScanOptions{Progress: &f.progress}, time.Time{})
	total, stats := counted.Within, counted.Stats
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.mu.Lock()
		f.view.Err = err
		f.mu.Unlock()
	}
	events, _ := total.Events()
	last := stats.LastSeq
	f.mu.Lock()
	f.view.Total, f.view.Missing, f.view.Unreadable = total, stats.Missing, stats.Unreadable
	f.view.LastSeq, f.view.LastTime = last, total.Span().Last
	for i := range events {
		f.view.event(events[i])
	}
	f.mu.Unlock()
	// Summaries do not have the hours of the last day.
	_, err = audit.ScanLines(f.Dir, audit.ScanOptions{Since: startOfDay(now)}, func(r *audit.Record, line string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Seq <= last {
			if requests(r) > 0 {
				f.view.Day.add(r, now)
				f.view.recent.add(line)
			}
			return ctx.Err()
		}
		return fs.SkipAll // these are followed
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.view.Counted, f.view.AsOf = ctx.Err() == nil, f.now()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.view.Err = err
	}
	return last
}

// add counts one record. It keeps neither line nor strings of r, which share memory with their neighbours.
func (f *Follower) add(r *audit.Record, line string) {
	now := f.now()
	f.mu.Lock()
	v := &f.view
	v.LastSeq, v.LastTime, v.AsOf = r.Seq, r.Time, now
	switch {
	case requests(r) > 0:
		if row := v.Day.add(r, now); row != nil {
			row.all = v.Total.Add(r, row.all)
		} else {
			v.Total.Add(r, nil)
		}
		v.recent.add(line)
	case r.Type == audit.TypeClose:
		v.Total.Add(r, nil)
	default:
		if own, err := audit.Decode([]byte(line)); err == nil { // it was decoded before
			v.event(own)
		}
	}
	f.mu.Unlock()
	if f.Feed != nil {
		f.Feed.add(r)
	}
}

// event keeps a record that is not about a request.
func (v *View) event(r audit.Record) {
	switch {
	case r.Type.IsLogin():
		v.Logins = keep(v.Logins, r, keptLogins)
	case strings.HasPrefix(string(r.Type), "admin."):
		v.Decisions = keep(v.Decisions, r, keptDecisions)
	case strings.HasPrefix(string(r.Type), "system."):
		v.System = keep(v.System, r, keptSystem)
	}
}

// keep appends e. Of more than most elements it drops the first, many at a time, and moves the others within the array: a reader
// may use the list only while it holds f.mu.
func keep[T any](list []T, e T, most int) []T {
	if len(list) >= most+most/4 {
		n := copy(list, list[len(list)-most+1:])
		clear(list[n:])
		list = list[:n]
	}
	return append(list, e)
}
