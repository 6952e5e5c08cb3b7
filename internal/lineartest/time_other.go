//go:build !linux

package lineartest

import "time"

// threadTime is the time that work takes. That of a thread alone is not known on this system.
func threadTime(work func()) time.Duration {
	began := time.Now()
	work()
	return time.Since(began)
}

// processTime is the time that work takes.
func processTime(work func()) time.Duration { return threadTime(work) }
