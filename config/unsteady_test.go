package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// unsteady rewrites the file at path, other each time, until the returned function is called. Each content is whole, so
// that the problem is the change alone.
func unsteady(t *testing.T, path string) (stop func()) {
	t.Helper()
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; !done.Load(); i++ {
			os.WriteFile(path+".tmp", []byte(strings.Repeat("# again\n", i%1000)+"www.example.org\n"), 0o644)
			os.Rename(path+".tmp", path)
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			done.Store(true)
			<-ended
		}
	}
	t.Cleanup(stop)
	return stop
}

// hurried gives files that change little time.
var hurried = timing{quiet: 5 * time.Millisecond, patient: 50 * time.Millisecond, confirm: 20 * time.Millisecond, poll: 20 * time.Millisecond,
	give: 100 * time.Millisecond}

// A list that changes all the time holds up no change of another file. Of the list, what was read before counts, and
// that is told. When it holds still, it counts again.
func TestWatchUnsteadyList(t *testing.T) {
	path := site(t, t.TempDir())
	list := filepath.Join(filepath.Dir(path), "lists", "approved.txt")
	w := watch(t, path, hurried)
	stop := unsteady(t, list)
	put(t, path+".tmp", rule("urgent"))
	must(t, os.Rename(path+".tmp", path))
	for {
		r := w.next()
		if r.err != nil || r.config.Policy.Rules[0].ID != "urgent" {
			continue
		}
		// The list may have been caught at rest.
		if len(r.config.Unsteady) == 0 {
			put(t, path+".tmp", rule("urgent")+"# again\n")
			must(t, os.Rename(path+".tmp", path))
			continue
		}
		if got := r.config.Unsteady; len(got) != 1 || got[0] != list {
			t.Errorf("unsteady %q, want %q", got, list)
		}
		if n := r.config.Set.Len(); n != 2 {
			t.Errorf("%d entries in force, want those of the rule and of the list as it was", n)
		}
		if text := r.config.Warnings.Error(); !strings.Contains(text, "approved.txt") || !strings.Contains(text, "changes all the time") {
			t.Errorf("the warnings do not tell: %s", text)
		}
		break
	}
	stop()
	put(t, list, "www.example.org\nwww.example.net\n")
	for {
		if r := w.next(); r.err == nil && len(r.config.Unsteady) == 0 && r.config.Set.Len() == 3 {
			return
		}
	}
}

// A list that is new and never holds still is a problem: nothing of it is known.
func TestWatchUnsteadyNewList(t *testing.T) {
	path := site(t, t.TempDir())
	w := watch(t, path, hurried)
	for i := 0; ; i++ {
		list := fmt.Sprintf("lists/new%d.txt", i)
		stop := unsteady(t, filepath.Join(filepath.Dir(path), list))
		put(t, path+".tmp", rule("first")+"    - { id: new, file: "+list+" }\n")
		must(t, os.Rename(path+".tmp", path))
		if r := w.next(); r.err != nil && strings.Contains(r.err.Error(), "changes all the time") {
			return
		}
		stop() // it was caught at rest, and is known now, or was not there yet: another one
	}
}
