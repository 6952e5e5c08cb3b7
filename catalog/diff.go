package catalog

import (
	"cmp"
	"slices"
	"strings"

	"webproxy/policy"
)

// A Change is a difference between two lists about one host pattern.
type Change struct {
	// Host is the pattern; placeholders without a value stay in it.
	Host string
	// From and To are its forms in the two lists, such as "https://host:8084/path". If From is empty the host was added; if To
	// is empty it was removed.
	From, To []string
}

// Diff compares two lists, generations or bundles for place, by scheme, host, port and path; ids, descriptions and order are
// not compared. Changes are ordered by host. Lines that a list lacks for the cloud or region of place (Line.Absent) are left
// out.
func Diff(a, b string, place policy.Place) ([]Change, error) {
	from, err := formsByHost(a, place)
	if err != nil {
		return nil, err
	}
	to, err := formsByHost(b, place)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for host, forms := range from {
		if !slices.Equal(forms, to[host]) {
			changes = append(changes, Change{Host: host, From: forms, To: to[host]})
		}
	}
	for host, forms := range to {
		if from[host] == nil {
			changes = append(changes, Change{Host: host, To: forms})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Host, b.Host) })
	return changes, nil
}

// formsByHost returns the forms of each host pattern of a list, sorted, without repetitions.
func formsByHost(name string, place policy.Place) (map[string][]string, error) {
	lines, err := Lines(name, place)
	if err != nil {
		return nil, err
	}
	forms := map[string][]string{}
	for i := range lines {
		l := &lines[i]
		if l.Absent {
			continue
		}
		host := strings.ToLower(l.Endpoint.Host)
		if len(l.Entries) > 0 {
			host = l.Entries[0].Host.String()
		}
		forms[host] = append(forms[host], l.Forms()...)
	}
	for host, f := range forms {
		slices.Sort(f)
		forms[host] = slices.Compact(f)
	}
	return forms, nil
}

// Forms returns the line's entries as a list file has them, without keys: "https://host:8084/path". For a line without entries
// they are those of its endpoint, with placeholders.
func (l *Line) Forms() []string {
	if len(l.Entries) == 0 {
		return l.Endpoint.Forms()
	}
	forms := make([]string, len(l.Entries))
	for i, e := range l.Entries {
		forms[i] = Form(e)
	}
	return forms
}

// Form is e without its keys: "https://host:8084/path".
func Form(e policy.Entry) string {
	return policy.Entry{Scheme: e.Scheme, Host: e.Host, Ports: e.Ports, Path: e.Path, Query: e.Query}.String()
}
