package config

import (
	"context"
	"errors"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"webproxy/internal/smallfile"
)

// WatchOptions are the settings of a Watcher. The zero value means the defaults.
type WatchOptions struct {
	// Current is the Config in use, of the same path. If its files have changed since they were read,
	// the Watcher reports that at once. If nil, everything is reported once.
	Current *Config
	// Log is for the Watcher's own messages. If nil, there are none.
	Log *zap.Logger

	timing timing
}

// timing is how long a Watcher waits.
type timing struct {
	quiet   time.Duration // without an event, before files are read
	patient time.Duration // from the first event; then they are read, quiet or not
	confirm time.Duration // between a read and the check whether the files are still the same
	poll    time.Duration // between checks without any event
	give    time.Duration // for files that change while they are read; then the others are used

	noEvents bool // as if the system delivered none
}

var defaultTiming = timing{
	quiet:   250 * time.Millisecond,
	patient: 2 * time.Second,
	confirm: 50 * time.Millisecond,
	poll:    10 * time.Second,
	give:    10 * time.Second,
}

// A Watcher loads a configuration whenever one of its files changes. It does not rely on events, nor on their
// absence: they tell it when to check the files, and it checks every few seconds anyway.
type Watcher struct {
	path     string
	timing   timing
	log      *zap.Logger
	onChange func(*Config, error)
	reload   chan struct{}
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu      sync.Mutex      // guards what follows
	waiters []chan struct{} // of ReloadAndWait; closed when the files have been loaded
	ended   bool

	// The rest belongs to the goroutine that runs the Watcher.
	files  smallfile.Reader  // reads the files
	last   *reader           // the last state that was reported; nil before the first
	events *fsnotify.Watcher // nil if the system delivers none
	dirs   *watchedDirs

	pace pacer
}

// Watch watches the configuration at path, the lists it names and phases.yaml, until ctx ends or Close is called. For
// each change of any file it calls onChange once, with a valid Config, or with Problems; then the Config in use
// should stay. Files that are being written when they are read are read again before they are reported.
//
// All calls of onChange come from one goroutine. The caller must call Close, which waits for it.
func Watch(ctx context.Context, path string, opts WatchOptions, onChange func(*Config, error)) *Watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{
		path:     path,
		timing:   opts.timing,
		log:      opts.Log,
		onChange: onChange,
		reload:   make(chan struct{}, 1),
		cancel:   cancel,
		pace:     pacer{began: time.Now()},
	}
	if w.timing == (timing{}) {
		w.timing = defaultTiming
	}
	if w.log == nil {
		w.log = zap.NewNop()
	}
	if opts.Current != nil {
		// Its reads may hang without affecting others: that Reader may be read by others.
		w.last = &reader{seen: opts.Current.read.seen, kept: opts.Current.read.kept, lists: opts.Current.read.lists, files: &w.files}
	}
	w.done.Go(func() { w.run(ctx) })
	return w
}

// Reload has the files loaded and reported even if none has changed. It returns at once.
func (w *Watcher) Reload() {
	select {
	case w.reload <- struct{}{}:
	default: // one is pending already
	}
}

// ErrWatcherClosed is why ReloadAndWait gave up.
var ErrWatcherClosed = errors.New("the files are no longer watched")

// ReloadAndWait is Reload, and waits until onChange has returned for files that were read after this call began. The
// error is that of ctx, or ErrWatcherClosed. It must not be called by onChange.
func (w *Watcher) ReloadAndWait(ctx context.Context) error {
	loaded := make(chan struct{})
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return ErrWatcherClosed
	}
	w.waiters = append(w.waiters, loaded)
	w.mu.Unlock()
	w.Reload()
	select {
	case <-loaded:
	case <-ctx.Done():
		w.mu.Lock()
		w.waiters = slices.DeleteFunc(w.waiters, func(c chan struct{}) bool { return c == loaded })
		w.mu.Unlock()
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended { // perhaps before they were
		return ErrWatcherClosed
	}
	return nil
}

// takeWaiters returns the callers that wait for the next load.
func (w *Watcher) takeWaiters(end bool) []chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiters
	w.waiters, w.ended = nil, end
	return all
}

func tell(waiters []chan struct{}) {
	for _, c := range waiters {
		close(c)
	}
}

// Close ends the Watcher and waits until onChange, if it is running, has returned.
// It must not be called by onChange.
func (w *Watcher) Close() {
	w.cancel()
	w.done.Wait()
}

// run checks the files whenever there is a reason to.
func (w *Watcher) run(ctx context.Context) {
	defer w.stopEvents()
	defer w.pace.close()
	defer func() { tell(w.takeWaiters(true)) }()
	w.look(ctx, false)
	poll := time.NewTicker(w.timing.poll)
	defer poll.Stop()
	for {
		event, fault := w.channels()
		force := false
		var waiters []chan struct{}
		select {
		case <-ctx.Done():
			return
		case <-w.reload:
			force = true
			waiters = w.takeWaiters(false)
		case <-poll.C:
		case e, ok := <-event:
			if !ok {
				w.stopEvents()
				break
			}
			if !w.dirs.concerns(e.Name) {
				continue
			}
			var goOn bool
			if goOn, force = w.settle(ctx); !goOn {
				continue
			}
			if force {
				waiters = w.takeWaiters(false)
			}
		case err := <-fault:
			w.lost(err)
		}
		w.look(ctx, force)
		if ctx.Err() != nil {
			tell(append(waiters, w.takeWaiters(true)...))
			return
		}
		tell(waiters)
	}
}

// channels are those of events, or nil, which are never ready.
func (w *Watcher) channels() (<-chan fsnotify.Event, <-chan error) {
	if w.events == nil {
		return nil, nil
	}
	return w.events.Events, w.events.Errors
}

// settle waits until there have been no events for a while, but not for ever. A Reload ends the wait, which forced
// reports. It reports whether the Watcher goes on. An editor or a deployment changes files in several steps.
func (w *Watcher) settle(ctx context.Context) (goOn, forced bool) {
	quiet, patient := time.NewTimer(w.timing.quiet), time.NewTimer(w.timing.patient)
	defer quiet.Stop()
	defer patient.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, false
		case <-w.reload:
			return true, true
		case <-quiet.C:
			return true, false
		case <-patient.C:
			return true, false
		case e, ok := <-w.events.Events:
			if !ok {
				return true, false
			}
			if w.dirs.concerns(e.Name) {
				quiet.Reset(w.timing.quiet)
			}
		case err := <-w.events.Errors:
			w.lost(err)
			return true, false
		}
	}
}

// lost handles an overflow, or a directory that was removed: events were lost, and may be from now on.
func (w *Watcher) lost(err error) {
	w.log.Warn("file events lost, watching anew", zap.Error(err))
	w.stopEvents()
}

// look loads the files if they are not what was last reported, or if force is set, and reports the result once the
// files have stopped changing.
func (w *Watcher) look(ctx context.Context, force bool) {
	w.watchDirs(w.last)
	if !force && w.last != nil && w.last.unchanged() {
		return
	}
	for began := time.Now(); ; {
		r := w.newReader()
		c, problems := load(w.path, r, time.Now())
		// Before the files are compared, so that a change from now on either shows or is an event.
		w.watchDirs(r)
		if !w.confirm(ctx, r.at) {
			return
		}
		if changed := r.changed(math.MaxInt); len(changed) > 0 { // being written
			if time.Since(began) < w.timing.give {
				continue
			}
			w.log.Warn(heldUp(changed, w.timing.give), zap.Strings("files", changed))
			if r, c, problems = w.loadSteady(ctx, changed); r == nil {
				return
			}
		}
		if !force && w.last != nil && maps.Equal(w.last.seen, r.seen) {
			return // written, but the same
		}
		w.last = r
		if len(problems) > 0 {
			w.onChange(nil, problems)
		} else {
			w.onChange(c, nil)
		}
		return
	}
}

// newReader returns the reader of another load, which has the lists of the last one.
func (w *Watcher) newReader() *reader {
	r := &reader{files: &w.files, pause: w.pace.pause}
	if w.last != nil {
		r.before = w.last.lists
	}
	return r
}

// watchDirs makes the system report changes to r's files, and of those only. Errors are logged: the next look tries
// again, and until then polling must do.
func (w *Watcher) watchDirs(r *reader) {
	if w.timing.noEvents {
		return
	}
	if w.events == nil {
		events, err := fsnotify.NewWatcher()
		if err != nil {
			w.log.Warn("no file events, looking for changes instead", zap.Duration("every", w.timing.poll), zap.Error(err))
			return
		}
		w.events, w.dirs = events, &watchedDirs{}
	}
	paths := []string{w.path}
	if r != nil {
		for path, state := range r.seen {
			paths = append(paths, path)
			if state.limit == listing {
				paths = append(paths, filepath.Join(path, "any")) // every file in it
			}
		}
	}
	if err := w.dirs.update(w.events, paths); err != nil {
		w.log.Warn("a directory is not watched", zap.Error(err))
	}
}

func (w *Watcher) stopEvents() {
	if w.events != nil {
		w.events.Close()
		w.events, w.dirs = nil, nil
	}
}

// abs is filepath.Abs, or the path itself if there is no working directory.
func abs(path string) string {
	a, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return a
}
