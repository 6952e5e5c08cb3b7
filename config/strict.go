package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
)

// A Document is a YAML file that is not a proxy's configuration, read as strictly as one: no unknown or repeated
// settings, no text for a number.
type Document struct{ decoder decoder }

// ReadDocument fills the struct that into points to from the file at path, by the yaml tags of its fields. The error is Problems,
// with their places, or that the file cannot be read.
func ReadDocument(path string, into any) (*Document, error) {
	data, err := readFile(path, maxYAML)
	if errors.Is(err, errNoFile) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	src, problems := newSource(path, string(data))
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	root, problems := parseYAML(src)
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	d := &Document{decoder{src: src, root: root}}
	if root != nil {
		d.decoder.value(root, "", reflect.ValueOf(into).Elem())
	}
	return d, d.Err()
}

// Fail notes that the setting at path, such as "rings.canary.dir", is wrong. hint says what to do, and may be empty.
func (d *Document) Fail(path, msg, hint string) { d.decoder.failAt(path, msg, hint) }

// Err is all problems that were found, as Problems; nil if there are none.
func (d *Document) Err() error {
	if len(d.decoder.problems) == 0 {
		return nil
	}
	return d.decoder.problems.sorted()
}
