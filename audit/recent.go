package audit

import "bytes"

const (
	// recentRecords is how many records a log remembers.
	recentRecords = 256
	// recentBytes bounds the memory that one remembered record keeps when another takes its place.
	recentBytes = 8 << 10
)

// A ring holds the last lines written. It holds lines, not Records: they are copied into existing memory, and keep
// nothing of a request alive.
type ring struct {
	lines [recentRecords][]byte
	added int
}

func (r *ring) add(line []byte) {
	slot := &r.lines[r.added%recentRecords]
	if cap(*slot) > recentBytes {
		*slot = nil
	}
	*slot = append((*slot)[:0], line...)
	r.added++
}

// Recent returns the last n records written since Open, the newest first; fewer if there are fewer, or if n is above
// 256.
func (l *Log) Recent(n int) []Record {
	l.mu.Lock()
	n = max(0, min(n, recentRecords, l.recent.added))
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = bytes.Clone(l.recent.lines[(l.recent.added-1-i)%recentRecords])
	}
	l.mu.Unlock()
	records := make([]Record, 0, n)
	for _, line := range lines {
		if r, err := Decode(line); err == nil {
			records = append(records, r)
		}
	}
	return records
}
