package audit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long Append waits for the disk. A disk that takes longer does not answer: its file system is
// frozen, or its server is gone.
const patience = 5 * time.Second

// ErrStalled is why Append gave up: the disk of the log does not answer. Nothing can end a write that hangs; the
// callers of Append are told so that they need not hang too.
var ErrStalled = fmt.Errorf("the disk of the audit log has not answered for %v", patience)

// A writer is the goroutine that writes a Log's records, one after another. It alone may hang in a write; who waits
// for it waits for patience at most. It is started by Open and ends after Close, once the disk has answered.
type writer struct {
	jobs  chan *job
	quit  chan struct{} // closed by Close
	ended chan struct{} // closed by the goroutine
	pool  sync.Pool     // of *job
	alarm *time.Timer   // runs look
	wait  time.Duration // patience, but for tests

	epoch time.Time    // what began counts from
	began atomic.Int64 // when the job that is worked on was begun; 0 if there is none
	armed atomic.Bool  // the alarm is set, or look runs

	stalled atomic.Pointer[chan struct{}] // closed while the disk does not answer
	closed  atomic.Bool                   // that channel is closed, or about to be

	mu   sync.Mutex // guards stalled's changes, and what follows
	lost missing    // records that were given up before anybody had begun to write them
}

// A job is one record to write.
type job struct {
	record Record
	err    error
	done   chan struct{} // holds one value
	state  atomic.Int32
}

// The states of a job: whoever leaves jobOpen first, writer or caller, says how it ends.
const (
	jobOpen int32 = iota
	jobDone
	jobGivenUp
)

func (w *writer) start(appendRecord func(*Record) error, late func(*Record)) {
	w.jobs, w.quit, w.ended = make(chan *job), make(chan struct{}), make(chan struct{})
	w.pool.New = func() any { return &job{done: make(chan struct{}, 1)} }
	if w.wait == 0 {
		w.wait = patience
	}
	stalled := make(chan struct{})
	w.stalled.Store(&stalled)
	w.epoch = time.Now().Add(-1) // began is never 0 for a job
	w.alarm = time.AfterFunc(w.wait, w.look)
	w.alarm.Stop()
	go w.run(appendRecord, late)
}

// run works until quit is closed.
func (w *writer) run(appendRecord func(*Record) error, late func(*Record)) {
	defer close(w.ended)
	for {
		select {
		case <-w.quit:
			return
		case j := <-w.jobs:
			w.begin()
			j.err = appendRecord(&j.record)
			if !j.state.CompareAndSwap(jobOpen, jobDone) && j.err == nil {
				late(&j.record)
			}
			w.finish()
			j.done <- struct{}{}
		}
	}
}

// begin notes that a job is worked on. The alarm is set only if it is not: under load it is not touched for each job.
func (w *writer) begin() {
	w.began.Store(int64(time.Since(w.epoch)))
	if w.armed.CompareAndSwap(false, true) {
		w.alarm.Reset(w.wait)
	}
}

func (w *writer) finish() {
	w.began.Store(0)
	if !w.closed.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isStalled() {
		stalled := make(chan struct{})
		w.stalled.Store(&stalled)
	}
	w.closed.Store(false)
}

// look is called by the alarm. If the job that is worked on has taken too long, those who wait are told.
func (w *writer) look() {
	for {
		began := w.began.Load()
		if began == 0 {
			w.armed.Store(false)
			if w.began.Load() == 0 || !w.armed.CompareAndSwap(false, true) {
				return
			}
			continue // a job was begun meanwhile, and saw the alarm as set
		}
		if left := w.wait - (time.Since(w.epoch) - time.Duration(began)); left > 0 {
			w.alarm.Reset(left)
			return
		}
		w.stall(began)
		w.alarm.Reset(w.wait)
		return
	}
}

// stall tells those who wait that the job begun then does not end, unless it has by now.
func (w *writer) stall(began int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed.Store(true) // before the look at began: finish looks the other way round
	if w.began.Load() == began && !w.isStalled() {
		close(*w.stalled.Load())
	}
	if !w.isStalled() {
		w.closed.Store(false)
	}
}

func (w *writer) isStalled() bool {
	select {
	case <-*w.stalled.Load():
		return true
	default:
		return false
	}
}

// write has r written; see Log.Append.
func (w *writer) write(r *Record) error {
	j := w.pool.Get().(*job)
	j.record, j.err = *r, nil
	j.state.Store(jobOpen)
	stalled := *w.stalled.Load()
	select {
	case w.jobs <- j:
	case <-stalled:
		w.giveUp()
		return ErrStalled
	case <-w.quit:
		return os.ErrClosed
	}
	select {
	case <-j.done:
	case <-stalled:
		if j.state.CompareAndSwap(jobOpen, jobGivenUp) {
			return ErrStalled // the job is the writer's now
		}
		<-j.done
	}
	err := j.err
	if err == nil {
		r.assign(j.record.assigned())
	}
	j.record = Record{} // nothing of a request is to be kept alive
	w.pool.Put(j)
	return err
}

// giveUp counts a record that will not be written.
func (w *writer) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost.fail(time.Now(), ErrStalled)
}

// takeLost adds what was given up to m.
func (w *writer) takeLost(m *missing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost.failed == 0 {
		return
	}
	if m.failed == 0 {
		m.since, m.cause = w.lost.since, w.lost.cause
	}
	m.failed += w.lost.failed
	w.lost = missing{}
}

// Stalled reports whether the disk of the log does not answer, so that Append fails at once. It waits for nothing.
func (l *Log) Stalled() bool { return l.writer.isStalled() }

// late says that a record was written after all, of which Append had said that it was not.
func (l *Log) late(r *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missing.note("record %d was written after its writer had given up: %v", r.Seq, ErrStalled)
}

// A patientCall runs a function that may hang, such as a write to another machine's disk, one call at a time. Who calls
// it is told after a while that it hangs, and what it came to later, by the next call. It is not safe for
// concurrent use.
type patientCall struct {
	running chan error // nil if none is
	since   time.Time
}

var errHangs = errors.New("its disk does not answer")

// do calls f, unless an earlier call has not ended, and waits for it. finished says that a call, this or an earlier one, has
// ended with err; if it is false, err wraps errHangs. f must not touch what the caller goes on to use.
func (c *patientCall) do(f func() error) (finished bool, err error) {
	if c.running == nil {
		running := make(chan error, 1)
		c.running, c.since = running, time.Now()
		go func() { running <- f() }()
	}
	timer := time.NewTimer(max(patience-time.Since(c.since), 0))
	defer timer.Stop()
	select {
	case err = <-c.running:
	default:
		select {
		case err = <-c.running:
		case <-timer.C:
			return false, fmt.Errorf("%w since %s", errHangs, c.since.UTC().Format(TimeLayout))
		}
	}
	c.running = nil
	return true, err
}
