// Package catalog holds the lists of endpoints that Microsoft publishes for Azure Stack HCI / Azure
// Local and what belongs to it, each with its source and date, built into the program.
//
// A list exists in one or more generations: what the documents said in a month. Generations stand
// side by side, so that a policy can be pinned to one and reviewed before it moves to the next:
//
//	list, err := catalog.Get("arc", policy.Place{Cloud: "public"})         // the default generation
//	list, err := catalog.Get("arc@2026-07", policy.Place{Cloud: "public"}) // exactly this one
//
// The package never guesses. A line that no rule can express, that lacks a setting, or that does not
// exist for a cloud is returned as disabled, with the reason; it is not dropped, repaired or replaced
// by the line of another cloud.
//
// The lists are the files lists/GENERATION/NAME.yaml. They were made from tables of endpoints by
// catalog/gen, which also holds the corrections and notes.
package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"webproxy/policy"
)

// DefaultGeneration is the generation of a list that is named without one. A list that does not have
// it is given in its newest generation.
const DefaultGeneration = "2021-12"

//go:embed lists
var files embed.FS

// A bundle is one embedded file, parsed when it is first asked for: a policy that uses three lists
// pays for three.
type bundle struct {
	name, generation string
	load             func() (*List, error)
}

// bundles are all embedded files, by name, then generation.
var bundles = sync.OnceValue(func() []bundle {
	paths, err := fs.Glob(files, "lists/*/*.yaml")
	if err != nil {
		panic(err) // the pattern is constant
	}
	all := make([]bundle, 0, len(paths))
	for _, p := range paths {
		all = append(all, bundle{
			name:       strings.TrimSuffix(path.Base(p), ".yaml"),
			generation: path.Base(path.Dir(p)),
			load:       sync.OnceValues(func() (*List, error) { return readList(p) }),
		})
	}
	slices.SortFunc(all, func(a, b bundle) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.generation, b.generation)
	})
	return all
})

// Get returns the entries of a list, such as "hci" or "hci@2021-12", that hold at place, in the
// order of its file. What the list has for place but cannot be a rule is in Disabled.
// The error for an unknown name says which there are. Safe for concurrent use; the caller owns the
// result.
func Get(name string, place policy.Place) (policy.List, error) {
	l, err := Open(name)
	if err != nil {
		return policy.List{}, err
	}
	list, err := l.at(name, place)
	if err != nil {
		return policy.List{}, fmt.Errorf("catalog list %s: %w", name, err)
	}
	return list, nil
}

// Open returns a list as its file has it: all clouds and regions, placeholders unfilled, disabled
// lines too. The List is shared and must not be changed.
func Open(name string) (*List, error) {
	bare, pin, pinned := strings.Cut(name, "@")
	var found []bundle
	for _, b := range bundles() {
		if b.name == bare {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return nil, unknownList(bare)
	}
	if !pinned {
		return preferred(found).load()
	}
	for _, b := range found {
		if b.generation == pin {
			return b.load()
		}
	}
	return nil, fmt.Errorf("catalog list %q has no generation %q; it has %s", bare, pin, strings.Join(generations(found), ", "))
}

// preferred returns the bundle that an unpinned name stands for; bs are of one name, oldest first.
func preferred(bs []bundle) bundle {
	for _, b := range bs {
		if b.generation == DefaultGeneration {
			return b
		}
	}
	return bs[len(bs)-1]
}

func generations(bs []bundle) []string {
	var all []string
	for _, b := range bs {
		all = append(all, b.generation)
	}
	return all
}

func unknownList(name string) error {
	names := Names()
	hint := ""
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("no catalog list %q%s; the lists are %s", name, hint, strings.Join(names, ", "))
}

// Names returns the names of the lists, without generations, in alphabetical order.
func Names() []string {
	var names []string
	for _, b := range bundles() {
		names = append(names, b.name)
	}
	return slices.Compact(names)
}

// A Summary describes a list without its entries.
type Summary struct {
	Name        string
	Title       string
	Generation  string
	Generations []string // all there are of this name, oldest first
	Sources     []string // the documents it was taken from
	Date        string   // of the newest of them
	Endpoints   int      // lines, of all clouds and regions
	Disabled    int      // those of them that no rule can express
}

// Info describes the list that name stands for, as in Open.
func Info(name string) (Summary, error) {
	l, err := Open(name)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Name: l.Name, Title: l.Title, Generation: l.Generation}
	for _, b := range bundles() {
		if b.name == l.Name {
			s.Generations = append(s.Generations, b.generation)
		}
	}
	for _, d := range l.Documents {
		s.Sources = append(s.Sources, d.Source)
		s.Date = max(s.Date, d.Date)
		for _, e := range d.Endpoints {
			s.Endpoints++
			if e.Disabled != "" {
				s.Disabled++
			}
		}
	}
	return s, nil
}

// All returns every list in every generation, by name, then generation. The Lists are shared and
// must not be changed.
func All() ([]*List, error) {
	var all []*List
	for _, b := range bundles() {
		l, err := b.load()
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}
