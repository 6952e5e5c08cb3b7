// Package privatefile keeps files that nobody but their owner may read: keys and passwords.
//
//	b, err := privatefile.Read("ca.key", 64<<10)
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Read returns the contents of the file, at most limit bytes. It is an error if others than its owner
// and the system's administrators may read it, or write it.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := Check(f); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return b, nil
}

// Create makes the file, which must not exist, with the contents b. What could not be written whole
// is removed.
func Create(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = protect(f) // while it is empty
	if err == nil {
		_, err = f.Write(b)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}
