package audit

import "time"

// Count adds up the records of the log in dir from o.Since until o.Until; o.Where must be nil. Where
// a file has a summary that can answer, it reads that; of compressed files without one it makes one.
func Count(dir string, o ScanOptions) (*Tally, Stats, error) {
	c, err := CountSplit(dir, o, o.Since)
	return c.Within, c.Stats, err
}

// SetPatience has Append wait for the disk for that long.
func (l *Log) SetPatience(d time.Duration) {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait = d
	if w.armed {
		w.alarm.Reset(d)
	}
}

// SetRename has l rename files by another function than os.Rename.
func (l *Log) SetRename(rename func(from, to string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rename = rename
}

var (
	IsPlain   = isPlain
	PlainTime = plainTime
)

// NewTallyOf returns a Tally of at most so many rows.
func NewTallyOf(rows int) *Tally { return newTally(rows) }

// Rotated yields a value after the log was rotated: there is work for Tidy. One value may stand for
// several rotations. The channel is never closed.
func (l *Log) Rotated() <-chan struct{} { return l.rotated }
