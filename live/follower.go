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
	// Feed is told of each record; nil for nobody.
	Feed *Feed
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time

	progress audit.Progress

	mu   sync.RWMutex // guards view
	view View
}

// A View is the state of a Follower.
type View struct {
	// Counted reports whether the log was read to its end once; until then all below is a part.
	Counted bool
	// AsOf is when the state was last brought up to date.
	AsOf time.Time
	// Last is the number and the time of the last record.
	LastSeq  uint64
	LastTime time.Time
	// Total counts the whole log, as long as it is kept.
	Total *audit.Tally
	// Day is the last 24 hours.
	Day *Day
	// Decisions are what people decided: records of type admin.*, the oldest first.
	Decisions []audit.Record
	// Logins are the last records about who logged in to the dashboard, or failed to, the oldest first.
	Logins []audit.Record
	// System are the last records of type system.*, the oldest first.
	System []audit.Record
	// Recent are the last requests, the oldest first.
	Recent []Event
	// Bad is how many lines were no records since the start; Missing and Unreadable are those of the first reading.
	Bad        uint64
	Missing    uint64
	Unreadable uint64
	// Err is why following stands still; nil if it does not.
	Err error
}

const (
	keptDecisions = 20_000
	keptLogins    = 1_000
	keptSystem    = 500
	keptRecent    = 1_000
)

// View calls fn with the state. fn must be quick, and keep nothing of it: the follower waits meanwhile.
func (f *Follower) View(fn func(*View)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	v := f.view
	if v.Total == nil {
		v.Total, v.Day = audit.NewTally(), newDay(f.now())
	}
	fn(&v)
}

// Progress is how much of the log was counted at the start, from 0 to 1.
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

// retryEvery is how long following pauses after an error, such as a directory that is gone.
const retryEvery = time.Second

// Run counts the log and follows it until ctx is done.
func (f *Follower) Run(ctx context.Context) {
	last := f.count(ctx)
	for ctx.Err() == nil {
		err := audit.Follow(ctx, f.Dir, last, func(r *audit.Record, _ string) error {
			last = r.Seq
			f.add(r)
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

// count reads what there is, and returns the number of the last record.
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
		f.view.event(&events[i])
	}
	f.mu.Unlock()
	// The hours of the last day are not in summaries.
	_, err = audit.ScanLines(f.Dir, audit.ScanOptions{Since: startOfDay(now)}, func(r *audit.Record, _ string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Seq <= last {
			f.view.day(r, now)
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

// add takes one record into account.
func (f *Follower) add(r *audit.Record) {
	now := f.now()
	f.mu.Lock()
	v := &f.view
	v.LastSeq, v.LastTime, v.AsOf = r.Seq, r.Time, now
	v.Total.Add(r)
	v.event(r)
	v.day(r, now)
	f.mu.Unlock()
	if f.Feed != nil {
		f.Feed.add(r)
	}
}

// event keeps a record that is not about a request.
func (v *View) event(r *audit.Record) {
	switch {
	case r.Type.IsLogin():
		v.Logins = keep(v.Logins, *r, keptLogins)
	case strings.HasPrefix(string(r.Type), "admin."):
		v.Decisions = keep(v.Decisions, *r, keptDecisions)
	case strings.HasPrefix(string(r.Type), "system."):
		v.System = keep(v.System, *r, keptSystem)
	}
}

// day counts a request of the last day.
func (v *View) day(r *audit.Record, now time.Time) {
	e, ok := eventOf(r)
	if !ok {
		return
	}
	v.Day.add(r, now)
	v.Recent = keep(v.Recent, e, keptRecent)
}

// keep appends e and forgets the first, a good many at a time, of more than most. It moves the others within the array of list: who
// holds f.mu for reading has nothing of it for longer.
func keep[T any](list []T, e T, most int) []T {
	if len(list) >= most+most/4 {
		n := copy(list, list[len(list)-most+1:])
		clear(list[n:])
		list = list[:n]
	}
	return append(list, e)
}
