package proxytest

import (
	"flag"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Run runs the tests of a package whose parallel tests wait, for clocks, sockets and processes, more than they work: as many of
// them at a time as parallel says, unless -parallel says how many. It is for TestMain, and returns what m.Run does.
func Run(m *testing.M, parallel int) int {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
			panic(err)
		}
	}
	return m.Run()
}

// beside are the tests that have called Parallel.
var beside parallelTests

// parallelTests are tests that run in parallel. It is not known which of them started a goroutine, so leaked goroutines are
// searched for when none of the tests runs.
type parallelTests struct {
	mu      sync.Mutex // guards what follows
	running map[string]bool
	since   []string      // the names of all that ran after the last look
	before  goleak.Option // the goroutines before the first of them
}

// Parallel is t.Parallel for a test that waits more than it works, and what NoneLeft is for others. It must be called first, and
// not in a subtest; subtests may call t.Parallel.
func Parallel(t *testing.T) {
	t.Helper()
	t.Parallel() // returns when all tests that are not parallel have ended
	b := &beside
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		b.running = map[string]bool{}
	}
	if len(b.running) == 0 {
		b.before, b.since = goleak.IgnoreCurrent(), nil
	}
	b.running[t.Name()] = true
	b.since = append(b.since, t.Name())
	t.Cleanup(func() { b.leave(t) })
}

func (b *parallelTests) leave(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, t.Name())
	if len(b.running) > 0 {
		return
	}
	if err := noneLeft(b.before); err != nil {
		t.Errorf("left by one of %s: %v", strings.Join(b.since, ", "), err)
	}
}

// has reports whether t, or the test that it is a part of, is one of them.
func (b *parallelTests) has(t testing.TB) bool {
	name, _, _ := strings.Cut(t.Name(), "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running[name]
}
