// Package sharedfile opens files for reading so that others may replace, rename and delete them meanwhile, which package os does not
// allow on Windows, and waits a while for a file that another process has opened exclusively.
//
//	f, err := sharedfile.Open("approved.txt", 3*time.Second)
package sharedfile

import (
	"errors"
	"os"
	"time"
)

// Open opens the file for reading. If another process has opened it exclusively, as some editors and virus scanners on Windows do,
// Open tries again for up to wait. The caller closes the file.
func Open(path string, wait time.Duration) (*os.File, error) {
	var f *os.File
	err := retry(wait, func() (err error) {
		f, err = open(path)
		return err
	}, held)
	return f, err
}

// Rename renames a file, and replaces an existing one. If another process has opened one of the two exclusively, Rename tries again
// for up to wait.
func Rename(from, to string, wait time.Duration) error {
	return retry(wait, func() error { return os.Rename(from, to) }, denied)
}

// Remove removes a file. If another process has opened it exclusively, or runs it, Remove tries again for up to wait.
func Remove(path string, wait time.Duration) error {
	return retry(wait, func() error { return os.Remove(path) }, denied)
}

// Held reports whether err says that another process has opened a file exclusively, so that it cannot be opened, renamed or deleted.
// It is false except on Windows, where it is also true for files that may not be renamed at all.
func Held(err error) bool { return err != nil && (errors.Is(err, ErrHeld) || denied(err)) }

// ErrHeld is a Held error on every system, for tests.
var ErrHeld = errors.New("another process has the file open")

// retry calls do until it succeeds, fails with an error that does not pass, or has been tried for that long. It returns what the last
// call did.
func retry(long time.Duration, do func() error, passes func(error) bool) error {
	const pause = 50 * time.Millisecond
	deadline := time.Now().Add(long)
	for {
		err := do()
		if err == nil || !passes(err) || time.Until(deadline) < pause {
			return err
		}
		time.Sleep(pause)
	}
}
