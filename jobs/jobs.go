// Package jobs runs functions that take longer than a page may take to load: in the background, one at a time of each name, with
// progress. The last result of each name is kept, with its time.
//
//	var r jobs.Runner
//	err := r.Start("verify", func(ctx context.Context, p *audit.Progress) (any, error) { ... })
//	state := r.State("verify")
//	r.Close() // cancels all, and waits
package jobs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"webproxy/audit"
)

// A Runner runs jobs. The zero Runner is ready for use. It is safe for concurrent use.
type Runner struct {
	// Lasting are the names whose last result is kept however many others there are. It is set before the Runner is used.
	Lasting []string

	mu     sync.Mutex // guards all below
	jobs   map[string]*job
	ended  uint64 // jobs that have ended
	closed bool
	wg     sync.WaitGroup
}

type job struct {
	state    State
	progress *audit.Progress
	cancel   context.CancelFunc // nil if none runs
	done     chan struct{}      // closed when it ends
	ended    uint64             // the value of Runner.ended after the last one; orders results without a clock
}

// A State describes the jobs of a name. The zero State means that there was none.
type State struct {
	Running bool
	Began   time.Time // when the running one began
	Part    float64   // of it that is done, from 0 to 1
	// Result, Err and Ended are those of the last one that ended. Result is nil if Err is not.
	Result any
	Err    error
	Ended  time.Time
}

// maxNames bounds the kept results, and the jobs that run at a time.
const maxNames = 64

// ErrRunning means that a job of this name runs already; ErrCrowded, that too many jobs run; ErrClosed, that the Runner was
// closed.
var (
	ErrCrowded = errors.New("too many are running already")
	ErrRunning = errors.New("it is running already")
	ErrClosed  = errors.New("the proxy is stopping")
)

// Start runs fn in the background. Its context is done when the job is cancelled or the Runner closed.
func (r *Runner) Start(name string, fn func(context.Context, *audit.Progress) (any, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	if r.jobs == nil {
		r.jobs = map[string]*job{}
	}
	j := r.jobs[name]
	if j != nil && j.cancel != nil {
		return ErrRunning
	}
	if j == nil {
		if len(r.jobs) >= maxNames && !r.forget() {
			return ErrCrowded
		}
		j = &job{}
		r.jobs[name] = j
	}
	ctx, cancel := context.WithCancel(context.Background())
	progress := new(audit.Progress)
	j.cancel, j.progress, j.state.Began, j.done = cancel, progress, time.Now(), make(chan struct{})
	done := j.done
	r.wg.Go(func() {
		defer cancel()
		result, err := fn(ctx, progress)
		r.mu.Lock()
		defer r.mu.Unlock()
		defer close(done)
		if err != nil {
			result = nil
		}
		r.ended++
		j.cancel, j.progress, j.ended = nil, nil, r.ended
		j.state = State{Result: result, Err: err, Ended: time.Now()}
	})
	return nil
}

// Keep stores a result from elsewhere as that of the last job of that name, which ended at that time. It reports false if there is
// no room, or a later result.
func (r *Runner) Keep(name string, result any, ended time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jobs == nil {
		r.jobs = map[string]*job{}
	}
	j := r.jobs[name]
	switch {
	case j == nil && len(r.jobs) >= maxNames && !r.forget(), j != nil && j.state.Ended.After(ended):
		return false
	case j == nil:
		j = &job{}
		r.jobs[name] = j
	}
	r.ended++
	j.ended = r.ended
	j.state.Result, j.state.Err, j.state.Ended = result, nil, ended
	return true
}

// forget drops the oldest result that is not lasting; it reports false if there is none. r.mu is held.
func (r *Runner) forget() bool {
	oldest := ""
	for name, j := range r.jobs {
		if j.cancel == nil && !slices.Contains(r.Lasting, name) && (oldest == "" || j.ended < r.jobs[oldest].ended) {
			oldest = name
		}
	}
	delete(r.jobs, oldest)
	return oldest != ""
}

// Wait waits until no job of that name runs, or ctx is done, and returns its state.
func (r *Runner) Wait(ctx context.Context, name string) State {
	r.mu.Lock()
	j := r.jobs[name]
	var done chan struct{}
	if j != nil && j.cancel != nil {
		done = j.done
	}
	r.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	return r.State(name)
}

// State returns the state of the jobs of a name.
func (r *Runner) State(name string) State {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[name]
	if j == nil {
		return State{}
	}
	s := j.state
	if j.cancel != nil {
		done, total := j.progress.Bytes()
		s.Running, s.Part = true, min(float64(done)/float64(max(total, 1)), 1)
	}
	return s
}

// Cancel asks the job of that name to end; it does nothing if none runs.
func (r *Runner) Cancel(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.jobs[name]; j != nil && j.cancel != nil {
		j.cancel()
	}
}

// Close cancels all jobs and waits for them. No more are started.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	for _, j := range r.jobs {
		if j.cancel != nil {
			j.cancel()
		}
	}
	r.mu.Unlock()
	r.wg.Wait()
}
