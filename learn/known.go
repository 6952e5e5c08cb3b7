package learn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// A KnownEntry is an entry of the catalog, as it may be proposed.
type KnownEntry struct {
	List        string // with its generation: "arc@2026-07"
	Number      int    // of the entry in it
	Description string
	When        string // how needed it is
	Host        policy.Pattern
	entry       policy.Entry
	generation  string
}

// String names the list and the entry in it.
func (k *KnownEntry) String() string {
	return fmt.Sprintf("catalog %s, entry %d %q", k.List, k.Number, k.Description)
}

func (k *KnownEntry) required() bool { return strings.HasPrefix(k.When, "required") }

// Known is the catalog for one place: its cloud, region and names. It is safe for concurrent use.
type Known struct {
	byTail map[string][]*KnownEntry // by the fixed end of their hosts
	names  []string                 // all exact hosts, of all clouds and regions
}

// OpenKnown reads the catalog: every generation of every list, since a cluster of an older release
// needs what newer lists have dropped.
func OpenKnown(place policy.Place) (*Known, error) {
	lists, err := catalog.All()
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	k := &Known{byTail: map[string][]*KnownEntry{}}
	for _, l := range lists {
		name := l.Name + "@" + l.Generation
		lines, err := catalog.Lines(name, place)
		if err != nil {
			return nil, fmt.Errorf("read catalog: %w", err)
		}
		for _, line := range lines {
			k.add(name, line)
		}
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				if p, err := policy.ParsePattern(e.Host); err == nil && !p.IsWildcard() {
					k.names = append(k.names, p.String())
				}
			}
		}
	}
	slices.Sort(k.names)
	k.names = slices.Compact(k.names)
	return k, nil
}

func (k *Known) add(list string, line catalog.Line) {
	for _, e := range line.Entries {
		tail := e.Host.Tail()
		k.byTail[tail] = append(k.byTail[tail], &KnownEntry{
			List: list, Number: line.Number, Description: line.Endpoint.Description, When: line.Endpoint.When,
			Host: e.Host, entry: e, generation: line.List.Generation,
		})
	}
}

// Best returns the narrowest entry that admits e and may be proposed; nil if no entry does. A required entry comes before
// one that the documents call optional or have withdrawn. A nil Known has no entries.
func (k *Known) Best(e Endpoint) *KnownEntry {
	if k == nil {
		return nil
	}
	var best *KnownEntry
	for at := e.Host; at != ""; at = parent(at) {
		for _, entry := range k.byTail[at] {
			if entry.admits(e) && tooWide(entry.Host) == "" && (best == nil || entry.better(best)) {
				best = entry
			}
		}
	}
	return best
}

// admits reports whether the entry admits e: host, port, scheme, and the path where it is enforced.
func (k *KnownEntry) admits(e Endpoint) bool {
	ports := k.entry.Ports
	if len(ports) == 0 {
		ports = []uint16{k.entry.Scheme.DefaultPort()}
	}
	return k.entry.Scheme == e.Scheme && slices.Contains(ports, e.Port) && k.Host.Matches(e.Host) &&
		(k.path(e.Scheme) == "" || k.entry.Path == e.Path)
}

// path is the path that the entry requires of requests of scheme: empty in a tunnel, which hides it.
func (k *KnownEntry) path(scheme policy.Scheme) string {
	if scheme == policy.HTTPS {
		return ""
	}
	return k.entry.Path
}

// otherwise says which list has host at this place on another port, with another scheme or with another path; empty if no
// list does.
func (k *Known) otherwise(host string) string {
	if k == nil {
		return ""
	}
	var best *KnownEntry
	for _, e := range k.byTail[host] {
		if !e.Host.IsWildcard() && (best == nil || e.better(best)) {
			best = e
		}
	}
	if best == nil {
		return ""
	}
	ports := best.entry.Ports
	if len(ports) == 0 {
		ports = []uint16{best.entry.Scheme.DefaultPort()}
	}
	return fmt.Sprintf("%s, as %s%s", best, entryText(host, ports[0], best.entry.Scheme), best.entry.Path)
}

func (k *KnownEntry) better(o *KnownEntry) bool {
	if a, b := k.required(), o.required(); a != b {
		return a
	}
	if a, b := k.Host.IsWildcard(), o.Host.IsWildcard(); a != b {
		return b
	}
	return cmp.Or(cmp.Compare(len(k.Host.Tail()), len(o.Host.Tail())), cmp.Compare(k.generation, o.generation),
		cmp.Compare(o.List, k.List), cmp.Compare(o.Number, k.Number)) > 0
}

// Required reports whether a list says that host is required. A nil Known takes every host for required.
func (k *Known) Required(host policy.Pattern) bool {
	return k == nil || slices.ContainsFunc(k.byTail[host.Tail()], func(e *KnownEntry) bool { return e.Host == host && e.required() })
}

// Under returns the hosts that the catalog names and p matches, whatever they are for.
func (k *Known) Under(p policy.Pattern) []string {
	if k == nil {
		return nil
	}
	var found []string
	for _, n := range k.names {
		if p.Matches(n) {
			found = append(found, n)
		}
	}
	return found
}

// about says which list names host in any cloud and region; empty if no list does. Only exact names and names with a region
// count: a wildcard says little about one host, and anybody can choose the value of another placeholder.
func about(host string) string {
	lines, err := catalog.Covering(host)
	if err != nil {
		return ""
	}
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		if before, after, ok := strings.Cut(l.Endpoint.Host, "{region}"); ok && !catalog.IsRegion(strings.TrimSuffix(strings.TrimPrefix(host, before), after)) {
			continue
		}
		if !strings.ContainsAny(strings.ReplaceAll(l.Endpoint.Host, "{region}", ""), "*{") {
			return fmt.Sprintf("catalog %s@%s, entry %d %q (of another cloud or region)", l.List.Name, l.List.Generation, l.Number, l.Endpoint.Description)
		}
	}
	return ""
}
