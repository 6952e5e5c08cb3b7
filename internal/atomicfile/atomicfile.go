// Package atomicfile replaces files so that a reader, also after a crash, sees the old content or the new, never a part of either.
// Its functions are safe for concurrent use.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"webproxy/internal/sharedfile"
)

// patience is how long Write waits for a file that somebody has open such that it cannot be replaced, as editors do on Windows.
const patience = 2 * time.Second

// Write replaces the file at path with data and returns once both the data and the name are on
// disk. A new file gets perm; an existing one keeps its permission bits, its owner and group as far as the process may give them,
// and its access control list. If path is a symbolic link, the file it leads to is replaced and the link stays. The directory must exist.
//
// Of two concurrent writes, the content of one wins.
func Write(path string, data []byte, perm fs.FileMode) error {
	return WriteFrom(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFrom is Write for content that write writes. If write fails, the file at path stays as it is.
func WriteFrom(path string, perm fs.FileMode, write func(io.Writer) error) error {
	path, old, err := target(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if old != nil {
		perm = old.Mode().Perm()
	}
	// In the same directory, since a rename between file systems is a copy.
	f, err := createLike(path, old)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := fill(f, write, perm, path, old); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := sharedfile.Rename(f.Name(), path, patience); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: sync directory: %w", path, err)
	}
	return nil
}

// target follows path's symbolic links. old is the existing file; nil if there is none.
func target(path string) (real string, old fs.FileInfo, err error) {
	real, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		// A dangling link must not be replaced by a file.
		if _, err := os.Lstat(path); err == nil {
			return path, nil, errors.New("symbolic link to a file that does not exist")
		}
		return path, nil, nil
	}
	if err != nil {
		return path, nil, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return path, nil, err
	}
	if !info.Mode().IsRegular() {
		return path, nil, errors.New("not a regular file")
	}
	return real, info, nil
}

// fill lets write write to f, gives it the owner and permissions of the old file at path, syncs and closes it.
func fill(f *os.File, write func(io.Writer) error, perm fs.FileMode, path string, old fs.FileInfo) error {
	err := write(f)
	if err == nil && old != nil {
		perm = keepOwner(f, old)
	}
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil && old != nil {
		err = keepList(f, path)
	}
	if err == nil {
		err = f.Sync() // before the rename, or a crash could leave the new name with no data
	}
	return errors.Join(err, f.Close())
}
