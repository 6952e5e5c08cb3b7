// Package catalog holds the lists of endpoints that Microsoft publishes for Azure Stack HCI / Azure Local and related services,
// each with its source and date, built into the program.
//
// A list has one or more generations, each for the documents of one month. All generations are available, so that a policy can
// be pinned to one and reviewed before it moves to the next:
//
//	list, err := catalog.Get("arc", policy.Place{Cloud: "public"})         // the newest generation
//	list, err := catalog.Get("arc@2026-07", policy.Place{Cloud: "public"}) // exactly this one
//
// A bundle, such as azure-local, is a list of lists, and is read like one.
//
// The package never guesses. A line that no rule can express, that lacks a setting, or that a source does not have for a cloud is
// returned as disabled, with the reason; it is not dropped, corrected or replaced by the line of another cloud.
//
// The lists are the files lists/GENERATION/NAME.yaml, packed into lists.packed by "go generate"; the bundles are
// bundles/GENERATION/NAME.yaml. The first lists were made from a table of endpoints by catalog/gen, which also has the
// corrections and notes. A new generation is one more directory; nothing else names it. See "Generations and bundles" in
// docs/lists.md.
//
// The package reads no files at run time and opens no sockets. All its functions are safe for concurrent use.
package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

//go:generate go run ./gen -o lists

// packed has a line for each list: the name of its file, and its content as JSON. Parsing the YAML files would take a fifth of
// the time that a start may take.
//
//go:embed lists.packed
var packed string

//go:embed bundles
var bundles embed.FS

// A file is one embedded list or bundle. It is parsed on first use.
type file struct {
	name, generation string
	bundle           bool
	list             func() (*List, error)   // if it is a list
	open             func() (*Bundle, error) // if it is a bundle
}

// embeddedFiles returns all embedded lists and bundles, sorted by name, then generation.
var embeddedFiles = sync.OnceValue(func() []file {
	var all []file
	for line := range strings.Lines(packed) {
		p, data, _ := strings.Cut(line, " ")
		f := fileAt(p)
		f.list = sync.OnceValues(func() (*List, error) { return readPacked(p, data) })
		all = append(all, f)
	}
	paths, err := fs.Glob(bundles, "bundles/*/*.yaml")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, p := range paths {
		f := fileAt(p)
		f.bundle = true
		f.open = sync.OnceValues(func() (*Bundle, error) { return readBundle(p) })
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b file) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.generation, b.generation)
	})
	return all
})

// fileAt is the file with a path such as "lists/2021-12/hci.yaml".
func fileAt(p string) file {
	return file{name: strings.TrimSuffix(path.Base(p), ".yaml"), generation: path.Base(path.Dir(p))}
}

// Get returns the entries of a list or bundle, such as "hci" or "hci@2021-12", for place, in the order of its file. Those that
// cannot be a rule are in Disabled. The error for an unknown name lists all names; see CheckPlace for the other errors. The
// caller owns the result.
func Get(name string, place policy.Place) (policy.List, error) {
	lines, err := Lines(name, place)
	if err != nil {
		return policy.List{}, err
	}
	var out policy.List
	for _, l := range lines {
		out.Entries = append(out.Entries, l.Entries...)
		if l.Disabled != nil {
			out.Disabled = append(out.Disabled, *l.Disabled)
		}
	}
	return out, nil
}

// Open returns a list as its file has it: for all clouds and regions, with placeholders and disabled lines. The List is shared and
// must not be changed. For a bundle see OpenBundle.
func Open(name string) (*List, error) {
	f, err := find(name)
	if err != nil {
		return nil, err
	}
	if f.bundle {
		return nil, fmt.Errorf("%q is a bundle of catalog lists, not a list", name)
	}
	return f.list()
}

// find returns the file that name stands for, with or without a generation.
func find(name string) (file, error) {
	bare, pin, pinned := strings.Cut(name, "@")
	var found []file
	for _, f := range embeddedFiles() {
		if f.name == bare {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return file{}, unknownList(bare)
	}
	if !pinned {
		return found[len(found)-1], nil // the newest
	}
	for _, f := range found {
		if f.generation == pin {
			return f, nil
		}
	}
	return file{}, fmt.Errorf("catalog list %q has no generation %q; it has %s", bare, pin, strings.Join(generations(found), ", "))
}

// Newest returns the newest generation of any list, such as "2026-07".
func Newest() string { return slices.Max(generations(embeddedFiles())) }

func generations(fs []file) []string {
	var all []string
	for _, f := range fs {
		all = append(all, f.generation)
	}
	return all
}

func unknownList(name string) error {
	names := append(Names(), BundleNames()...)
	hint := ""
	if near := spelling.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("no catalog list %q%s; the lists are %s; the bundles are %s", name, hint,
		strings.Join(Names(), ", "), strings.Join(BundleNames(), ", "))
}

// Names returns the names of the lists, without generations, in alphabetical order.
func Names() []string { return names(false) }

// BundleNames returns the names of the bundles, without generations, in alphabetical order.
func BundleNames() []string { return names(true) }

func names(bundles bool) []string {
	var all []string
	for _, f := range embeddedFiles() {
		if f.bundle == bundles {
			all = append(all, f.name)
		}
	}
	return slices.Compact(all)
}

// All returns every list in every generation, sorted by name, then generation, without the bundles. The Lists are shared and
// must not be changed.
func All() ([]*List, error) {
	var all []*List
	for _, f := range embeddedFiles() {
		if f.bundle {
			continue
		}
		l, err := f.list()
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}
