package proxytest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
)

// Record is a record as it was appended.
type Record = audit.Record

// A Recorder keeps audit records in memory. Fail makes it refuse them.
type Recorder struct {
	t       testing.TB
	mu      sync.Mutex // guards the fields below
	records []Record
	err     error
	more    chan struct{} // closed and replaced by every append
}

func newRecorder(t testing.TB) *Recorder {
	return &Recorder{t: t, more: make(chan struct{})}
}

// Append implements proxy.Auditor as audit.Log does: it numbers the record, and gives a decision
// its id.
func (r *Recorder) Append(rec *audit.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	rec.Seq = uint64(len(r.records) + 1)
	if rec.Time.IsZero() {
		rec.Time = time.Now()
	}
	if rec.ID == "" {
		rec.ID = fmt.Sprintf("T%05d", rec.Seq)
	}
	r.records = append(r.records, *rec)
	close(r.more)
	r.more = make(chan struct{})
	return nil
}

// Fail makes Append return err; nil ends that.
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// All returns the records so far.
func (r *Recorder) All() []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Record(nil), r.records...)
}

// Wait waits until there are n records, and returns all there are.
func (r *Recorder) Wait(n int) []Record {
	r.t.Helper()
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		r.mu.Lock()
		records, more := append([]Record(nil), r.records...), r.more
		r.mu.Unlock()
		if len(records) >= n {
			return records
		}
		select {
		case <-more:
		case <-patience.C:
			r.t.Fatalf("%d audit records, want %d: %+v", len(records), n, records)
		}
	}
}
