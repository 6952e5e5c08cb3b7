package main

import (
	"archive/zip"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeZip writes the directory args[1] as the zip file args[0]: files in the order of their names, under the directory's own name.
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

// writeUUID prints a UUID that is made of the words given, by SHA-1 (RFC 9562, version 5): the same words give the same one.
func writeUUID(args []string) error {
	// The name space of DNS names, of appendix A.
	h := sha1.New()
	h.Write([]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8})
	for _, word := range args {
		fmt.Fprintf(h, "%s\n", word)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	_, err := fmt.Printf("%X-%X-%X-%X-%X\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return err
}
