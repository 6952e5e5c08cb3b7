package audit

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long Append waits for the disk. A disk that takes longer counts as not responding: its file system
// is frozen, or its server is down.
const patience = 5 * time.Second

// ErrStalled is why Append gave up: the disk of the log does not respond. Nothing can end a write that hangs; the
// callers of Append get this error so that they need not hang too.
var ErrStalled = fmt.Errorf("the disk of the audit log has not answered for %v", patience)

// A writer is the goroutine that writes a Log's records. It alone may hang in a write; whoever waits for it waits for
// patience at most. Records that come while others are written are written together, in one write(2). It is started
// by Open and ends after Close, once the disk has responded.
type writer struct {
	pool    sync.Pool     // of *job
	ended   chan struct{} // closed by the goroutine
	alarm   *time.Timer   // runs look
	wait    time.Duration // patience, except in tests
	stalled atomic.Bool   // the disk does not answer; changed with mu held

	mu      sync.Mutex // guards what follows; taken after Log.mu
	work    sync.Cond  // of mu: queue is not empty, or closed is set
	queue   []*job     // not yet being written
	working []*job     // being written
	began   time.Time  // when the disk last responded while working is not empty
	armed   bool       // the alarm is set, or look runs
	closed  bool
	lost    missing // records that were given up before they were being written
}

// A job is one record to write.
type job struct {
	record Record
	err    error
	alone  bool // it was in a write of several that failed; belongs to the writer's goroutine
	// givenUp is set when the caller that waited for the job has got ErrStalled: it is the writer's then. Guarded by
	// writer.mu.
	givenUp bool
	done    chan struct{} // holds one value
}

// maxTogether bounds the records of one write, all of which wait for the last of them.
const maxTogether = 64

func (w *writer) start(appendAll func([]*job), late func([]*job)) {
	w.ended = make(chan struct{})
	w.pool.New = func() any { return &job{done: make(chan struct{}, 1)} }
	if w.wait == 0 {
		w.wait = patience
	}
	w.work.L = &w.mu
	w.alarm = time.AfterFunc(w.wait, w.look)
	w.alarm.Stop()
	go w.run(appendAll, late)
}

// run works until close is called.
func (w *writer) run(appendAll func([]*job), late func([]*job)) {
	defer close(w.ended)
	for {
		jobs := w.next()
		if jobs == nil {
			return
		}
		appendAll(jobs)
		if given := w.finish(jobs); len(given) > 0 {
			late(given)
		}
	}
}

// next waits for jobs and begins them; nil if the log is closed.
func (w *writer) next() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed {
		w.work.Wait()
		// Goroutines that can run now may have records too. One write for all costs less than one each, and the first
		// caller waits for less than if those had run before it.
		w.mu.Unlock()
		runtime.Gosched()
		w.mu.Lock()
	}
	if w.closed {
		return nil
	}
	n := min(len(w.queue), maxTogether)
	w.working = append(w.working[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	w.began = time.Now()
	if !w.armed { // under load it is not touched for each job
		w.armed = true
		w.alarm.Reset(w.wait)
	}
	return w.working
}

// progress notes that the disk has responded, and that there is more to write.
func (w *writer) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Now()
	w.stalled.Store(false)
}

// finish passes the results to those who wait for jobs. It returns the jobs that nobody waits for any more and that
// were written nevertheless.
func (w *writer) finish(jobs []*job) (late []*job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range jobs {
		switch {
		case !j.givenUp:
			j.done <- struct{}{}
		case j.err == nil:
			late = append(late, j)
		}
	}
	clear(w.working)
	w.working = w.working[:0]
	w.stalled.Store(false)
	return late
}

// isGivenUp reports whether nobody waits for j any more.
func (w *writer) isGivenUp(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return j.givenUp
}

// look is called by the alarm. If the current write takes too long, all who wait get ErrStalled.
func (w *writer) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.working) == 0 {
		w.armed = false
		return
	}
	if left := w.wait - time.Since(w.began); left > 0 {
		w.alarm.Reset(left)
		return
	}
	w.stalled.Store(true)
	for _, j := range w.working {
		j.giveUp()
	}
	for _, j := range w.queue { // not yet being written, and never will be
		j.giveUp()
		w.lost.fail(time.Now(), ErrStalled)
	}
	clear(w.queue)
	w.queue = w.queue[:0]
	w.alarm.Reset(w.wait)
}

// giveUp makes the caller that waits for j give up, once. The writer's mu is held.
func (j *job) giveUp() {
	if !j.givenUp {
		j.givenUp = true
		j.done <- struct{}{}
	}
}

// close ends the writer when it has written its current jobs.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, j := range w.queue {
		j.err = os.ErrClosed
		j.done <- struct{}{}
	}
	clear(w.queue)
	w.queue = nil
	w.work.Signal()
}

// write has r written; see Log.Append.
func (w *writer) write(r *Record) error {
	j := w.pool.Get().(*job)
	j.record, j.err, j.alone, j.givenUp = *r, nil, false, false
	if err := w.enqueue(j); err != nil {
		w.release(j)
		return err
	}
	<-j.done
	if w.stalled.Load() && w.isGivenUp(j) {
		return ErrStalled
	}
	err := j.err
	if err == nil {
		r.assign(j.record.assigned())
	}
	w.release(j)
	return err
}

// release puts j back into the pool. It must keep nothing of a request alive.
func (w *writer) release(j *job) {
	j.record = Record{}
	w.pool.Put(j)
}

// enqueue queues j, or returns why it will not be written.
func (w *writer) enqueue(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return os.ErrClosed
	case w.stalled.Load():
		w.lost.fail(time.Now(), ErrStalled)
		return ErrStalled
	}
	if w.queue = append(w.queue, j); len(w.queue) == 1 {
		w.work.Signal()
	}
	return nil
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

// Stalled reports whether the disk of the log does not respond, so that Append fails at once. It does not block.
func (l *Log) Stalled() bool { return l.writer.stalled.Load() }

// late records that records were written after all, of which Append had said that they were not.
func (l *Log) late(jobs []*job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, last := jobs[0].record.Seq, jobs[len(jobs)-1].record.Seq
	if first == last {
		l.missing.note("record %d was written after its writer had given up: %v", first, ErrStalled)
		return
	}
	l.missing.note("records %d to %d were written after their writers had given up: %v", first, last, ErrStalled)
}

// A patientCall runs a function that may hang, such as a write to another machine's disk, one call at a time. After a
// while its caller gets the error that it hangs; its result is returned by the next call. It is not safe for
// concurrent use.
type patientCall struct {
	running chan error // nil if none is
	since   time.Time
}

var errHangs = errors.New("its disk does not answer")

// do calls f, unless an earlier call has not ended, and waits for it. finished says that a call, this or an earlier
// one, has ended with err; if it is false, err wraps errHangs. f must not touch what the caller goes on to use.
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
