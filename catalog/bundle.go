package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// A Bundle is a list of lists for one purpose, in one generation. Get reads it like a list. The ids of its entries are those of
// the list and of the entry, "hci.login"; their Source is the list.
type Bundle struct {
	Name       string `yaml:"name"`
	Title      string `yaml:"title"`
	Generation string `yaml:"generation"`
	Parts      []Part `yaml:"parts"`
}

// A Part is some lists of a Bundle, and which of their lines the bundle takes.
type Part struct {
	// Why the bundle has these lines.
	Why string `yaml:"why"`
	// Lists are names with generations, so that a bundle does not change with newer lists.
	Lists []string `yaml:"lists,flow"`
	// Source, if set, takes only documents whose source begins with it.
	Source string `yaml:"source,omitempty"`
	// Clouds, if set, are the only ones that the part is for.
	Clouds []string `yaml:"clouds,omitempty,flow"`
	// Only, if set, takes these endpoints of the lists; Skip leaves these out. Both are ids.
	Only []string `yaml:"only,omitempty,flow"`
	Skip []string `yaml:"skip,omitempty,flow"`
	// GatewayOnly takes the part only if there is an Arc gateway (policy.names.gateway).
	GatewayOnly bool `yaml:"gateway_only,omitempty"`
	// GatewaySpares leaves out what an Arc gateway, if there is one, reaches for the machine. Plain HTTP stays: it never goes
	// through the gateway.
	GatewaySpares bool `yaml:"gateway_spares,omitempty"`
}

// OpenBundle returns a bundle as its file has it. It is shared and must not be changed.
func OpenBundle(name string) (*Bundle, error) {
	f, err := find(name)
	if err != nil {
		return nil, err
	}
	if !f.bundle {
		return nil, fmt.Errorf("%q is a catalog list, not a bundle", name)
	}
	return f.open()
}

func readBundle(name string) (*Bundle, error) {
	data, err := bundles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	b := new(Bundle)
	if err := decodeYAML(name, data, b); err != nil {
		return nil, err
	}
	if want := "bundles/" + b.Generation + "/" + b.Name + ".yaml"; want != name {
		return nil, fmt.Errorf("catalog: %s: holds bundle %s of generation %s", name, b.Name, b.Generation)
	}
	return b, nil
}

// bundleLines returns the lines of f's parts in their order. Of equal entries the first is kept; a line of which nothing is kept,
// and a line disabled like an earlier one, is left out.
func bundleLines(f file, w resolvedPlace) ([]Line, error) {
	b, err := f.open()
	if err != nil {
		return nil, err
	}
	var all []Line
	seen := map[string]bool{}
	for i := range b.Parts {
		lines, err := b.Parts[i].lines(w)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if l.claim(seen) {
				all = append(all, l)
			}
		}
	}
	return all, nil
}

// lines returns what the part takes, with ids that are unique in the bundle.
func (p *Part) lines(w resolvedPlace) ([]Line, error) {
	if p.GatewayOnly && !w.hasGateway() || len(p.Clouds) > 0 && !slices.Contains(p.Clouds, w.cloud) {
		return nil, nil
	}
	var taken []Line
	for _, name := range p.Lists {
		f, err := find(name)
		if err != nil {
			return nil, err
		}
		lines, err := listLines(f, name, w)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if p.takes(&l, w) {
				l.prefixIDs(f.name + ".")
				taken = append(taken, l)
			}
		}
	}
	return taken, nil
}

func (p *Part) takes(l *Line, w resolvedPlace) bool {
	e := l.Endpoint
	switch {
	case !strings.HasPrefix(l.Document.Source, p.Source),
		len(p.Only) > 0 && !slices.Contains(p.Only, e.ID),
		slices.Contains(p.Skip, e.ID):
		return false
	case p.GatewaySpares && w.hasGateway() && e.ArcGateway == "yes":
		return slices.Contains(e.Schemes, "http")
	}
	return true
}

func (l *Line) prefixIDs(prefix string) {
	for i := range l.Entries {
		l.Entries[i].ID = prefix + l.Entries[i].ID
	}
	if l.Disabled != nil {
		l.Disabled.ID = prefix + l.Disabled.ID
	}
}

// claim removes from l the entries that are in seen, adds the others to seen, and reports whether l has anything new.
func (l *Line) claim(seen map[string]bool) bool {
	if d := l.Disabled; d != nil {
		key := d.Text + "\n" + d.Reason
		isNew := !seen[key]
		seen[key] = true
		return isNew
	}
	l.Entries = slices.DeleteFunc(l.Entries, func(e policy.Entry) bool {
		key := Form(e)
		repeated := seen[key]
		seen[key] = true
		return repeated
	})
	return len(l.Entries) > 0
}
