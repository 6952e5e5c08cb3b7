// Package policytest has what tests of policies need: a Library in memory.
package policytest

import (
	"fmt"
	"net/netip"
	"strings"

	"webproxy/policy"
)

// A Library is a policy.Library in memory. It returns an error for what it does not have.
type Library struct {
	// Catalog gives the lists; if nil, it is those of Lists.
	Catalog func(name string, place policy.Place) (policy.List, error)
	Lists   map[string]policy.List
	Files   map[string]string // the text of list files, by path
	Tags    map[string][]netip.Prefix
	AnyTag  []netip.Prefix // the addresses of tags that are not in Tags; nil for none
}

// List implements policy.Library.
func (l Library) List(name string, place policy.Place) (policy.List, error) {
	if l.Catalog != nil {
		return l.Catalog(name, place)
	}
	list, ok := l.Lists[name]
	if !ok {
		return policy.List{}, fmt.Errorf("no list %q", name)
	}
	return list, nil
}

// File implements policy.Library. A line that does not parse is an error.
func (l Library) File(path string) (*policy.Entries, error) {
	text, ok := l.Files[path]
	if !ok {
		return nil, fmt.Errorf("no file %q", path)
	}
	entries := &policy.Entries{File: path}
	for i, line := range strings.Split(text, "\n") {
		if _, err := entries.ParseLine(line, i+1); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Prefixes implements policy.Library.
func (l Library) Prefixes(tag, _ string) ([]netip.Prefix, error) {
	p, ok := l.Tags[tag]
	if !ok && l.AnyTag != nil {
		return l.AnyTag, nil
	}
	if !ok {
		return nil, fmt.Errorf("no service tag %q", tag)
	}
	return p, nil
}
