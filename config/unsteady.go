package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// errUnsteady is why a file has no content: it changed at every look, so that no read of it is known to be whole.
// Half a list could be another policy.
var errUnsteady = errors.New("changes all the time, so that it cannot be read whole")

// loadSteady loads the configuration without the files that keep changing, paths: for them the content that w.last
// has is used. So a list that something rewrites in a loop delays no other change, such as an urgent deny. A file
// without an earlier content is a problem, as is the configuration itself. The result is nil if ctx ended.
func (w *Watcher) loadSteady(ctx context.Context, paths []string) (*reader, *Config, Problems) {
	r := w.newReader()
	r.instead, r.unsteady = map[string][]byte{}, map[string]bool{}
	for {
		for _, path := range paths {
			r.unsteady[path] = true
			if path == abs(w.path) || w.last == nil {
				continue
			}
			if data, ok := w.last.kept[path]; ok {
				r.instead[path] = []byte(data)
			}
		}
		r.seen, r.kept, r.lists = nil, nil, nil
		c, problems := load(w.path, r, time.Now())
		if c != nil {
			c.Unsteady = slices.Sorted(maps.Keys(r.unsteady))
			for _, path := range c.Unsteady {
				c.Warnings = append(c.Warnings, Problem{
					File: path, Msg: errUnsteady.Error(), Hint: "what it had before stays in force; find what writes it", Warning: true,
				})
			}
		}
		if !w.confirm(ctx, r.at) {
			return nil, nil, nil
		}
		// Others may have begun to change. Each round adds at least one file, so the rounds end.
		paths = slices.DeleteFunc(r.changed(math.MaxInt), func(path string) bool { return r.unsteady[path] })
		if len(paths) == 0 {
			return r, c, problems
		}
	}
}

// confirm waits between a read and the check whether the files are still the same. It reports whether the Watcher
// goes on. It counts from when the last file was read, so that the load itself is a part of the wait.
func (w *Watcher) confirm(ctx context.Context, read time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(read.Add(w.timing.confirm))):
		return true
	}
}

// heldUp is the message for the operator's log.
func heldUp(paths []string, after time.Duration) string {
	return fmt.Sprintf("%d of the configuration's files changed whenever they were looked at, for %s", len(paths), after)
}
