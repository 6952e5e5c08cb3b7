package audit

import "time"

// clockSlack is by how much the clock may be set without a record of it.
const clockSlack = time.Minute

// A clock is the last reading of two clocks: the system's, and the monotonic one since the log was opened.
type clock struct {
	wall time.Time
	open time.Duration
}

// watchClock notes that the clock was set by more than a minute: times of records before and after cannot be compared
// then. The caller holds l.mu.
func (l *Log) watchClock(now clock) {
	before := l.clock
	l.clock = now
	if before.wall.IsZero() {
		return
	}
	// The monotonic clock stands still while a machine sleeps, on some systems.
	step := now.wall.Round(0).Sub(before.wall.Round(0)) - (now.open - before.open)
	if step.Abs() <= clockSlack {
		return
	}
	how := "forward, or the machine slept,"
	if step < 0 {
		how = "back"
	}
	l.missing.note("the clock was set %s by %s, after %s", how, step.Abs().Round(time.Second), before.wall.UTC().Format(TimeLayout))
}

// headError is why there is no tree head, once.
func (l *Log) headError() error {
	l.beginning.Lock()
	defer l.beginning.Unlock()
	err := l.headErr
	l.headErr = nil
	return err
}
