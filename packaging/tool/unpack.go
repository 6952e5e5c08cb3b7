package main

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// listZip prints the names in the zip file args[0].
func listZip(args []string) error {
	if len(args) != 1 {
		return errors.New("want FILE")
	}
	r, err := zip.OpenReader(args[0])
	if err != nil {
		return err
	}
	defer r.Close()
	for _, f := range r.File {
		fmt.Println(f.Name)
	}
	return nil
}

// unpackImage puts the file system of the image for the architecture args[1], of the OCI archive args[0], into the directory args[2].
func unpackImage(args []string) error {
	if len(args) != 3 {
		return errors.New("want FILE, ARCH and DIR")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := untar(f, dir); err != nil {
		return err
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		return err
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		return err
	}
	if manifest, err = index.IndexManifest(); err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		if m.Platform.Architecture != args[1] {
			continue
		}
		img, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		r := mutate.Extract(img)
		defer r.Close()
		return untar(r, args[2])
	}
	return fmt.Errorf("no image for %s", args[1])
}

// untar unpacks files and directories of our own archives below dir, with owners if it may set them.
func untar(r io.Reader, dir string) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("%q leads out of the archive", h.Name)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
		} else {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, t)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
		if err := os.Chmod(path, fs.FileMode(h.Mode)); err != nil {
			return err
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(path, h.Uid, h.Gid); err != nil {
				return err
			}
		}
	}
}
