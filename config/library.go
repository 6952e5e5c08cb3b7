package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"webproxy/catalog"
	"webproxy/policy"
)

// A library gives policy.Compile the lists that rules name: of the catalog, and list files. It keeps the files it
// read, with their problems. It is not safe for concurrent use.
type library struct {
	dir   string // in which relative paths begin; empty if there is no configuration file
	shown string // dir as problems show it
	read  *reader
	// tagsIn is the directory, below dir, that has the service tags of the bundle; empty for dir itself.
	tagsIn string
	files  map[string]*listFile // by path as written
	order  []*listFile
	tags   map[string]*catalog.Tags // by cloud
}

var _ policy.Library = (*library)(nil)

// List implements policy.Library.
func (l *library) List(name string, place policy.Place) (policy.List, error) {
	return catalog.Get(name, place)
}

// File implements policy.Library. An error is about the file; problems of its lines are kept for load.
func (l *library) File(path string) (*policy.Entries, error) {
	f, err := l.open(path)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", quoted(path), err)
	}
	return f.entries, nil
}

func (l *library) open(written string) (*listFile, error) {
	if f := l.files[written]; f != nil {
		return f, nil
	}
	path, name := filepath.FromSlash(written), filepath.FromSlash(written)
	if !filepath.IsAbs(path) {
		if l.dir == "" {
			return nil, errors.New("the built-in configuration has no directory to read files from")
		}
		path, name = filepath.Join(l.dir, path), filepath.Join(l.shown, path)
	}
	f, err := l.read.parsed(listKey{path, name, written})
	if errors.Is(err, errNoFile) {
		if near := nearFile(path, l.read.disk().ReadDir); near != "" {
			if rel, relErr := filepath.Rel(l.dir, near); relErr == nil && !filepath.IsAbs(filepath.FromSlash(written)) {
				near = rel
			}
			err = fmt.Errorf("%w; did you mean %s?", err, quoted(filepath.ToSlash(near)))
		}
	}
	if err != nil {
		return nil, err
	}
	if l.files == nil {
		l.files = map[string]*listFile{}
	}
	l.files[written] = f
	l.order = append(l.order, f)
	return f, nil
}

// parsed reads a list, unless its file is unchanged since the load before.
func (r *reader) parsed(key listKey) (*listFile, error) {
	text, state, err := r.see(key.path, maxList)
	if err != nil {
		return nil, err
	}
	f := r.before[key]
	if f == nil || f.sum != state.sum {
		f = parseList(key.name, key.written, text, r.pause)
		f.sum = state.sum
	}
	r.keep(key.path, f.src.text)
	if r.lists == nil {
		r.lists = map[listKey]*listFile{}
	}
	r.lists[key] = f
	return f, nil
}

// Prefixes implements policy.Library.
func (l *library) Prefixes(tag, cloud string) ([]netip.Prefix, error) {
	return catalog.TagPrefixes(tag, cloud, l.serviceTags)
}

// serviceTags returns the imported tags of a cloud.
func (l *library) serviceTags(cloud string) (*catalog.Tags, error) {
	if t := l.tags[cloud]; t != nil {
		return t, nil
	}
	if l.dir == "" {
		return nil, errors.New("the built-in configuration has no directory to read service tags from")
	}
	in := filepath.FromSlash(l.tagsIn)
	t, err := readTags(filepath.Join(l.dir, in), filepath.Join(l.shown, in), cloud, l.read.read)
	if err != nil {
		return nil, err
	}
	if l.tags == nil {
		l.tags = map[string]*catalog.Tags{}
	}
	l.tags[cloud] = t
	return t, nil
}
