package live

import (
	"bytes"

	"webproxy/audit"
)

const (
	// Kept is how many of the last requests are kept.
	Kept = 1_000
	// recentBytes bounds the memory that one line keeps when another takes its place.
	recentBytes = 8 << 10
)

// recent are the lines of the last requests, in memory of their own that is used again. They are decoded when somebody looks.
type recent struct {
	lines [][]byte
	added int // of them, since the start
}

// add keeps a line, in place of the oldest one if there are Kept.
func (l *recent) add(line string) {
	if len(l.lines) < Kept {
		l.lines = append(l.lines, nil)
	}
	slot := &l.lines[l.added%Kept]
	if cap(*slot) > recentBytes {
		*slot = nil
	}
	*slot = append((*slot)[:0], line...)
	l.added++
}

// all are copies of the lines, the newest first.
func (l *recent) all() [][]byte {
	lines := make([][]byte, len(l.lines))
	for i := range lines {
		lines[i] = bytes.Clone(l.lines[(l.added-1-i)%Kept])
	}
	return lines
}

// Recent returns the last n requests that match says yes to, the newest first; it looks at the last Kept. The follower does not wait
// for match, or for the texts.
func (f *Follower) Recent(n int, match func(*audit.Record) bool) []Event {
	f.mu.RLock()
	lines := f.view.recent.all()
	f.mu.RUnlock()
	var events []Event
	for _, line := range lines {
		if len(events) == n {
			break
		}
		r, err := audit.Decode(line)
		if err != nil || !match(&r) { // each was decoded before
			continue
		}
		if e, ok := eventOf(&r); ok {
			events = append(events, e)
		}
	}
	return events
}
