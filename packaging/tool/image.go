package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// owner is the user that images run as: not root, and usually no user of the host.
const owner = 65532

// writeImage writes an OCI archive that has one image for each architecture. The arguments after the flags are ARCH=DIR: DIR is the whole
// file system of the image. packaging/container/Dockerfile builds the same
// from the sources.
//
// A Docker that keeps images in its own store, not in containerd's, loads only what manifest.json names, as docker save writes it: so the
// archive has that, too. It has no architectures: the first one has the tag, each other one the tag with its name.
func writeImage(args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	out := flags.String("o", "", "`FILE` to write")
	tag := flags.String("tag", "", "`NAME:TAG` in the archive")
	version := flags.String("version", "", "of the program")
	revision := flags.String("revision", "", "commit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	at, err := sourceTime()
	if err != nil {
		return err
	}
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var named tarball.Manifest
	for i, arg := range flags.Args() {
		arch, dir, _ := bytes.Cut([]byte(arg), []byte("="))
		img, err := image(string(arch), string(dir), at, map[string]string{
			"org.opencontainers.image.title":    "webproxy",
			"org.opencontainers.image.version":  *version,
			"org.opencontainers.image.revision": *revision,
			"org.opencontainers.image.created":  at.Format(time.RFC3339),
			"org.opencontainers.image.licenses": "Apache-2.0",
		})
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: string(arch)}}})
		name := *tag
		if i > 0 {
			name += "-" + string(arch)
		}
		d, err := describe(img, name)
		if err != nil {
			return err
		}
		named = append(named, d)
	}
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := p.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          *tag,
		"org.opencontainers.image.ref.name": *tag,
	})); err != nil {
		return err
	}
	text, err := json.Marshal(named)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644); err != nil {
		return err
	}
	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(writeTar(f, dir, at, 0), f.Close())
}

// describe is img as manifest.json has it: its files in the layout are those of the OCI image.
func describe(img v1.Image, name string) (tarball.Descriptor, error) {
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	config, err := img.ConfigName()
	if err != nil {
		return tarball.Descriptor{}, err
	}
	d := tarball.Descriptor{Config: blob(config), RepoTags: []string{name}}
	layers, err := img.Layers()
	if err != nil {
		return tarball.Descriptor{}, err
	}
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return tarball.Descriptor{}, err
		}
		d.Layers = append(d.Layers, blob(digest))
	}
	return d, nil
}

// image is dir, one layer, with how it is started.
func image(arch, dir string, at time.Time, labels map[string]string) (v1.Image, error) {
	var layer bytes.Buffer
	if err := writeTar(&layer, dir, at, owner); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: at}, CreatedBy: "webproxy"}})
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, v1.Time{Time: at}
	file.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", owner, owner),
		Entrypoint:   []string{"/usr/bin/webproxy"},
		Cmd:          []string{"serve", "-c", "/etc/webproxy/webproxy.yaml"},
		Env:          []string{"PATH=/usr/bin"},
		WorkingDir:   "/var/lib/webproxy",
		ExposedPorts: map[string]struct{}{"9090/tcp": {}},
		Volumes:      map[string]struct{}{"/var/lib/webproxy": {}},
		StopSignal:   "SIGTERM",
		Healthcheck:  &v1.HealthConfig{Test: []string{"CMD", "/usr/bin/webproxy", "status", "--ready"}, Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 10 * time.Second, Retries: 3},
		Labels:       labels,
	}
	return mutate.ConfigFile(img, file)
}

// writeTar writes the contents of dir, sorted by name. All files have the same time and belong to root, except below
// var/lib, where they belong to uid. Modes are those of the files.
func writeTar(w io.Writer, dir string, at time.Time, uid int) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h := &tar.Header{Name: filepath.ToSlash(name), ModTime: at, Mode: int64(info.Mode().Perm()), Typeflag: tar.TypeReg, Size: info.Size(), Format: tar.FormatUSTAR}
		if ok, _ := filepath.Match("var/lib/webproxy*", name); ok {
			h.Uid, h.Gid = uid, uid
		}
		switch {
		case d.IsDir():
			h.Name, h.Typeflag, h.Size = h.Name+"/", tar.TypeDir, 0
			return t.WriteHeader(h)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s: neither a file nor a directory", path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err = t.Write(data)
		return err
	})
	return errors.Join(err, t.Close())
}
