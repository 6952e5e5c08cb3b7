// Package sharedfile opens files for reading such that others may replace, rename and delete them meanwhile, which package os does
// not allow on Windows, and waits a while for a file that somebody holds exclusively.
//
//	f, err := sharedfile.Open("approved.txt", 3*time.Second)
package sharedfile

import (
	"errors"
	"os"
	"time"
)

// Open opens the file for reading. If another process holds it such that it cannot be opened, as some editors and virus scanners do
// on Windows, Open tries again for up to that long. The caller closes the file.
func Open(path string, wait time.Duration) (*os.File, error) {
	var f *os.File
	err := retry(wait, func() (err error) {
		f, err = open(path)
		return err
	}, held)
	return f, err
}

// Rename renames a file, over one that is there. If another process holds one of the two such that it cannot be done, Rename tries
// again for up to that long.
func Rename(from, to string, wait time.Duration) error {
	return retry(wait, func() error { return os.Rename(from, to) }, denied)
}

// Held reports whether err says that another process has a file open such that it cannot be opened, renamed or deleted. It is never so but
// on Windows, which says the same of files that it does not permit to be renamed at all.
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
