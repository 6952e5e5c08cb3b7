// Package lineartest finds functions whose time grows with the square of their input, or worse: for them a hostile file of a
// megabyte could take minutes.
//
//	lineartest.Check(t, "commas", 16<<10, func(n int) func() {
//		doc := bytes.Repeat([]byte("a.example.com,"), n/14)
//		return func() { tables.Read("doc", doc, policy.Place{}) }
//	})
package lineartest

import (
	"runtime"
	"testing"
	"time"
)

// Eight times the input takes a linear reader eight times as long, and a quadratic one 64 times.
const (
	factor = 8
	worst  = 28
	tries  = 6
	// tooShort is below the noise and the resolution of the system's accounting.
	tooShort = 60 * time.Millisecond
)

// Check fails t if work on 8n bytes takes more than 28 times the processor time of work on n, in each of six tries.
// prepare makes the input and returns the work. Only processor time of the work counts, so a busy machine does not matter. Under
// the race detector, which takes time itself, nothing is measured; make bench-once does it.
func Check(t *testing.T, name string, n int, prepare func(n int) func()) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector's time says nothing of the reader's")
	}
	if small, large, ok := Grows(n, prepare); !ok {
		t.Errorf("%s: %d bytes take %v, %d bytes %v: %.0f times as long", name, n, small, factor*n, large, float64(large)/float64(small))
	}
}

// CheckProcess is Check for work that starts goroutines. The time of the whole process counts: the test must not run in parallel.
func CheckProcess(t *testing.T, name string, n int, prepare func(n int) func()) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector's time says nothing of the reader's")
	}
	if small, large, ok := grows(n, prepare, processTime); !ok {
		t.Errorf("%s: %d bytes take %v, %d bytes %v: %.0f times as long", name, n, small, factor*n, large, float64(large)/float64(small))
	}
}

// Grows is Check for callers that evaluate the result themselves; ok is false for a reader that is slower than linear.
func Grows(n int, prepare func(n int) func()) (small, large time.Duration, ok bool) {
	return grows(n, prepare, threadTime)
}

// grows is Grows by the time that measure finds work to take.
func grows(n int, prepare func(n int) func(), measure func(work func()) time.Duration) (small, large time.Duration, ok bool) {
	for range tries {
		large = measure(prepare(factor * n))
		if large < tooShort {
			return 0, large, true
		}
		work := prepare(n)
		runs := time.Duration(0)
		for small = 0; small < tooShort/2; runs++ { // enough of them for the grain
			small += measure(work)
		}
		if small /= runs; large <= worst*small {
			return small, large, true
		}
		runtime.GC()
	}
	return small, large, false
}
