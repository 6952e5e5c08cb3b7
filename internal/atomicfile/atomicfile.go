// Package atomicfile replaces files so that a reader, or a crash, sees the old content or the new,
// never a part of either.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file at path with data and returns once both the data and the name are on
// disk. A new file gets perm; an existing one keeps its permission bits. If path is a symbolic link,
// the file it leads to is replaced and the link stays. The directory must exist.
//
// Two writers at once are safe for readers: one of the two contents wins.
func Write(path string, data []byte, perm fs.FileMode) error {
	path, perm, err := target(path, perm)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	dir := filepath.Dir(path)
	// In the same directory, since a rename between file systems is a copy.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := fill(f, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("write %s: sync directory: %w", path, err)
	}
	return nil
}

// target follows path's symbolic links and takes over the permissions of what is there.
func target(path string, perm fs.FileMode) (string, fs.FileMode, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		// A link to nothing must not be replaced by a file: that is not what its owner meant.
		if _, err := os.Lstat(path); err == nil {
			return path, 0, errors.New("symbolic link to a file that does not exist")
		}
		return path, perm, nil
	}
	if err != nil {
		return path, 0, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return path, 0, err
	}
	if !info.Mode().IsRegular() {
		return path, 0, errors.New("not a regular file")
	}
	return real, info.Mode().Perm(), nil
}

// fill writes data to f, syncs and closes it.
func fill(f *os.File, data []byte, perm fs.FileMode) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync() // before the rename, or a crash could leave the new name with no data
	}
	return errors.Join(err, f.Close())
}
