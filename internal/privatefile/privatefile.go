// Package privatefile keeps files and directories that only their owner and the system's administrators may change, and,
// where they hold keys and passwords, read.
//
//	b, err := privatefile.Read("ca.key", 64<<10)
package privatefile

import (
	"errors"
	"os"

	"webproxy/internal/smallfile"
)

// Account is the name of the account that the installed service runs as: a user on Linux, the virtual account
// NT SERVICE\webproxy on Windows. It is trusted as the process's own account is, so that a command that an administrator
// runs does not warn of the service's files.
const Account = "webproxy"

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
	Ancestor Kind = iota // a directory further up: others must not rename or replace what is in it
	Policy               // others must not change it, nor add to it: it decides what is allowed, or is evidence
	Private              // nor read it
	Secret               // a file that Read refuses if it is loose, or the directory of such files
)

// A Problem is why a file's or directory's permissions are wrong, and what to do about it. The zero Problem: they are right.
type Problem struct {
	Why string // a phrase, such as "everybody may change it"
	Fix string // a command line; empty if none is known
}

// Advice is what to do about a file that is not taken: Fix, which may be empty, or to remove it.
func (p Problem) Advice() string {
	if p.Fix == "" {
		return "remove it"
	}
	return p.Fix + ", or remove it"
}

// Loose says what is wrong with the permissions of a file or directory of that kind, for warnings; the zero Problem if
// nothing is, or if it does not exist. It is the only place that checks permissions of files that are not secret. r reads it.
func Loose(r *smallfile.Reader, path string, kind Kind) (problem Problem) {
	info, err := r.Stat(path)
	if err != nil {
		return Problem{}
	}
	if kind != Secret || info.IsDir() {
		r.Do(path, func() (func(), error) {
			found := loose(path, info, kind)
			return func() { problem = found }, nil
		})
		return problem
	}
	_, err = r.Read(path, 1<<20, func(f *os.File) error {
		if err := Check(f); err != nil {
			return errLoose
		}
		return nil
	})
	if errors.Is(err, errLoose) {
		return Problem{"others may read or change it, so it will be refused", fixSecret(path)}
	}
	return Problem{}
}

var errLoose = errors.New("loose")

// Create makes the file, which must not exist, with the contents b. Nobody but its owner, the system's administrators and,
// on Windows, the installed service can ever read it. What could not be written whole is removed.
func Create(path string, b []byte) error { return create(path, b, Secret) }

// CreatePolicy is Create for a file that others may read, as far as its directory lets them, and may not change.
func CreatePolicy(path string, b []byte) error { return create(path, b, Policy) }

func create(path string, b []byte, kind Kind) error {
	f, err := createFile(path, kind)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// MkdirAll makes the directory at path, and those above it that are not there, such that others cannot add to it and, unless
// the kind is Policy, cannot read it. A directory that exists stays as it is. On Windows the installed service may read a directory
// of the kinds Policy and Secret, and write to a Private one.
func MkdirAll(path string, kind Kind) error { return mkdirAll(path, kind) }
