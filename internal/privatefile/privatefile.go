// Package privatefile keeps files that nobody but their owner may read: keys and passwords.
//
//	b, err := privatefile.Read("ca.key", 64<<10)
package privatefile

import (
	"errors"
	"os"

	"webproxy/internal/smallfile"
)

// Read returns the contents of the file, at most limit bytes. It is an error if others than its owner
// and the system's administrators may read it, or write it; see Check.
func Read(path string, limit int64) ([]byte, error) {
	return ReadBy(new(smallfile.Reader), path, limit)
}

// ReadBy is Read by a given reader, for files that are read again and again.
func ReadBy(r *smallfile.Reader, path string, limit int64) ([]byte, error) {
	return r.Read(path, limit, Check)
}

// A Kind is what others must not do with a file or directory.
type Kind uint8

const (
	Policy  Kind = iota // others must not change it: it decides what is allowed, or is evidence
	Private             // nor read it
	Secret              // a file that Read refuses if it is loose
)

// Loose says why a file or directory of that kind is not kept as it should be: a phrase such as "everybody may change it"; empty
// if it is, or is not there. It is the one place that judges permissions of what is no secret, for warnings. r looks at it.
func Loose(r *smallfile.Reader, path string, kind Kind) string {
	info, err := r.Stat(path)
	if err != nil {
		return ""
	}
	if kind != Secret {
		return loose(info, kind == Private)
	}
	_, err = r.Read(path, 1<<20, func(f *os.File) error {
		if err := Check(f); err != nil {
			return errLoose
		}
		return nil
	})
	if errors.Is(err, errLoose) {
		return "others may read or change it, so it will be refused"
	}
	return ""
}

var errLoose = errors.New("loose")

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
