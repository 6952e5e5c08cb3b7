package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A dirWatch is the part of an fsnotify.Watcher that this file needs.
type dirWatch interface {
	Add(dir string) error
	Remove(dir string) error
}

// watchedDirs are the directories in which a change can change what a path leads to. Files are not watched: a watch
// follows the file it was set on, and ends when another file takes its name.
type watchedDirs struct {
	dirs map[string]fs.FileInfo // as they were when the watch was set
	// names are the names that matter in directories that are watched only for a directory in them, so that one in
	// /tmp does not make every file there an event. Nil: all.
	names map[string]map[string]bool
}

// concerns reports whether an event about the file called name is worth a check.
func (d *watchedDirs) concerns(name string) bool {
	heed := d.names[filepath.Dir(name)]
	return heed == nil || heed[filepath.Base(name)]
}

// update watches with w exactly the directories on the way to paths. A directory that was replaced
// by another of its name is watched anew.
func (d *watchedDirs) update(w dirWatch, paths []string) error {
	want := map[string]map[string]bool{}
	var errs []error
	for _, path := range paths {
		if err := route(abs(path), want); err != nil {
			errs = append(errs, err)
		}
	}
	now := make(map[string]fs.FileInfo, len(want))
	for dir := range want {
		info, err := os.Stat(dir)
		if err != nil {
			continue // its absence is noticed in the directory above
		}
		if was := d.dirs[dir]; was != nil && os.SameFile(was, info) {
			now[dir] = was
			continue
		}
		w.Remove(dir) // a watch on what had its name before; fails if there is none
		if err := w.Add(dir); err != nil {
			errs = append(errs, fmt.Errorf("watch %s: %w", dir, err))
			continue
		}
		now[dir] = info
	}
	for dir := range d.dirs {
		if now[dir] == nil {
			w.Remove(dir) // fails if the directory is gone, and its watch with it
		}
	}
	d.dirs, d.names = now, want
	return errors.Join(errs...)
}

var errTooManyLinks = errors.New("too many symbolic links")

// maxLinks is how many symbolic links a path may go through, as in Linux.
const maxLinks = 40

// route adds to want the directories in which a change can affect what path, which is absolute, leads to: the parent
// of the file, of every symbolic link on the way to it, and, for their names only, the parents of those, in case the
// directory itself is replaced.
func route(path string, want map[string]map[string]bool) error {
	for range maxLinks {
		link, target := firstLink(path)
		if link == "" {
			heedAll(filepath.Dir(path), want)
			return nil
		}
		heedAll(filepath.Dir(link), want)
		rest := strings.TrimPrefix(path, link)
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, rest)
	}
	return fmt.Errorf("watch %s: %w", path, errTooManyLinks)
}

// heedAll wants every event in dir, and those of dir in its parent.
func heedAll(dir string, want map[string]map[string]bool) {
	want[dir] = nil
	parent := filepath.Dir(dir)
	if parent == dir {
		return
	}
	names, known := want[parent]
	switch {
	case known && names == nil:
	case known:
		names[filepath.Base(dir)] = true
	default:
		want[parent] = map[string]bool{filepath.Base(dir): true}
	}
}

// firstLink returns the first component of path that is a symbolic link, as a path, and where it leads; empty if
// there is none before the path ends or does not exist.
func firstLink(path string) (link, target string) {
	volume := filepath.VolumeName(path)
	for i := len(volume) + 1; i <= len(path); i++ {
		if i < len(path) && !os.IsPathSeparator(path[i]) {
			continue
		}
		info, err := os.Lstat(path[:i])
		if err != nil {
			return "", ""
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if target, err := os.Readlink(path[:i]); err == nil {
			return path[:i], target
		}
	}
	return "", ""
}
