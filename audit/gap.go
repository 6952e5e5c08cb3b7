package audit

import (
	"fmt"
	"strings"
	"time"
)

// missing is what a log has lost, or what happened to it, until a record states it.
type missing struct {
	notes  []string
	failed uint64 // records that could not be written
	since  time.Time
	cause  string // of the first failure
}

func (m *missing) none() bool { return len(m.notes) == 0 && m.failed == 0 }

func (m *missing) note(format string, args ...any) {
	if len(m.notes) < 8 { // the record is bounded, and so is what is remembered while a disk fails
		m.notes = append(m.notes, fmt.Sprintf(format, args...))
	}
}

func (m *missing) fail(now time.Time, err error) {
	if m.failed == 0 {
		m.since, m.cause = now, err.Error()
	}
	m.failed++
}

// record is m as a record.
func (m *missing) record() *Record {
	notes := m.notes
	if m.failed > 0 {
		notes = append(notes[:len(notes):len(notes)], fmt.Sprintf("%d records could not be written since %s: %s",
			m.failed, m.since.UTC().Format(TimeLayout), m.cause))
	}
	return &Record{Type: TypeGap, Detail: strings.Join(notes, "; ")}
}

// writeMissing writes the record of what is missing, by itself.
func (l *Log) writeMissing(now time.Time) error {
	r := l.missing.record()
	kept := l.missing
	l.missing = missing{}
	if err := l.write(r, now); err != nil {
		l.missing = kept
		return err
	}
	return nil
}
