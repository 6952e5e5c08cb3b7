package config

import (
	"os"
	"path/filepath"

	"webproxy/internal/spelling"
)

// nearFile is the path of an existing file that somebody probably meant who wrote the path of one that does not
// exist: the file or a directory on the way to it has a similar name. It is written as path is; empty if there is
// none.
func nearFile(path string, readDir func(string) ([]os.DirEntry, error)) string {
	return nearPath(filepath.Clean(path), 3, readDir)
}

// nearPath looks for levels of directories whose names may be wrong as well.
func nearPath(path string, levels int, readDir func(string) ([]os.DirEntry, error)) string {
	dir, name := filepath.Dir(path), filepath.Base(path)
	entries, err := readDir(dir)
	if err != nil {
		if levels == 0 || dir == path {
			return ""
		}
		if dir = nearPath(dir, levels-1, readDir); dir == "" {
			return ""
		}
		if entries, err = readDir(dir); err != nil {
			return ""
		}
	}
	const most = 10_000 // people do not keep lists in larger directories
	names := make([]string, 0, min(len(entries), most))
	for _, e := range entries[:min(len(entries), most)] {
		if e.Name() == name {
			return filepath.Join(dir, name)
		}
		names = append(names, e.Name())
	}
	if near := spelling.Nearest(name, names); near != "" {
		return filepath.Join(dir, near)
	}
	return ""
}
