package main

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeZip writes the directory args[1] as the zip file args[0]: sorted by name, under the directory's own name.
func writeZip(args []string) error {
	if len(args) != 2 {
		return errors.New("want FILE and DIR")
	}
	at, err := sourceTime()
	if err != nil {
		return err
	}
	out, err := os.Create(args[0])
	if err != nil {
		return err
	}
	defer out.Close()
	w := zip.NewWriter(out)
	top := filepath.Dir(filepath.Clean(args[1]))
	err = filepath.WalkDir(args[1], func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: at})
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	})
	return errors.Join(err, w.Close(), out.Close())
}
