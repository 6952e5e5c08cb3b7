// Package coverage says whether a policy admits all endpoints of a list or a document, before a client finds out:
//
//	profile, err := coverage.Open("azure-local@2026-07", policy.Place{Cloud: "public", Region: "eastus"})
//	report := profile.Check(set, coverage.Options{Now: time.Now()})
//	fmt.Println(report.Verdict())
//
// It compares patterns, not samples: an endpoint that is a wildcard is covered only if every host below it is. An endpoint to
// which some request would be denied is never called covered; if it is admitted on a condition, the condition is named.
//
// The package reads no files and opens no sockets. Its functions may be called concurrently; a Profile must not be changed
// meanwhile.
package coverage

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// An Endpoint is one thing that a profile requires: a host in one form on one port.
type Endpoint struct {
	Text        string // as a line of a list: "https://eastus.obo.arc.azure.com:8084"
	Source      string // "catalog hci@2026-07, entry 9"
	Document    string // the document that the catalog took it from
	Need        Need
	Description string

	want  policy.Entry // what must be admitted; not valid if reason is set
	port  uint16
	blank string // the setting that a star in want.Host stands for; may be empty
	// reason is why there is no want: no rule can express the endpoint (beyond is set), or a setting is missing.
	reason string
	beyond bool
	fill   string // how to supply what is missing; may be empty
}

// Want returns what must be admitted, and the port. why is not empty if that is not known, or not fully; beyond reports
// whether no rule can express it.
func (e *Endpoint) Want() (want policy.Entry, port uint16, why string, beyond bool) {
	why = e.reason
	if why == "" && e.blank != "" {
		why = e.blank + " is not set"
	}
	return e.want, e.port, why, e.beyond
}

// A Need says when an endpoint is needed, in the words of the catalog.
type Need string

// Optional is the Need of what a cluster can run without. All other values mean required.
const Optional Need = "optional"

// Required reports whether the endpoint must be reachable.
func (n Need) Required() bool { return n != Optional }

// A Profile is the endpoints that a list of the catalog, a bundle of lists or a document requires at a place.
type Profile struct {
	Name      string // with the generation: "azure-local@2026-07"; or the name of the document
	Place     policy.Place
	Endpoints []Endpoint
}

// Open returns the profile of a catalog list or bundle, such as "azure-local@2026-07", at place. An endpoint with a placeholder
// that place does not fill stands for every name that may fill it. Without a region, an endpoint that differs by region is
// kept as one that cannot be evaluated.
func Open(name string, place policy.Place) (*Profile, error) {
	lines, err := catalog.Lines(name, place)
	if err != nil {
		return nil, err
	}
	p := &Profile{Name: name, Place: place}
	if !strings.Contains(name, "@") {
		info, err := catalog.Info(name)
		if err != nil {
			return nil, err
		}
		p.Name += "@" + info.Generation
	}
	for i := range lines {
		all, err := endpoints(&lines[i], place)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", p.Name, err)
		}
		p.Endpoints = append(p.Endpoints, all...)
	}
	return p, nil
}

// From returns the endpoints of p from documents whose source begins with prefix. The error names all documents.
func (p *Profile) From(prefix string) (*Profile, error) {
	part := &Profile{Name: p.Name, Place: p.Place}
	var documents []string
	for _, e := range p.Endpoints {
		if strings.HasPrefix(e.Document, prefix) {
			part.Endpoints = append(part.Endpoints, e)
		}
		if !slices.Contains(documents, e.Document) {
			documents = append(documents, e.Document)
		}
	}
	if len(part.Endpoints) == 0 {
		return nil, fmt.Errorf("profile %s has no document %q; it has %s", p.Name, prefix, strings.Join(documents, "; "))
	}
	return part, nil
}

// endpoints makes the endpoints of one line of the catalog: one for each scheme it has.
func endpoints(l *catalog.Line, place policy.Place) ([]Endpoint, error) {
	e := Endpoint{
		Document: l.Document.Source, Need: Need(l.Endpoint.When), Description: l.Endpoint.Description,
	}
	var all []Endpoint
	for _, want := range l.Entries {
		e.Source = want.Source
		all = append(all, e.wanting(want))
	}
	d := l.Disabled
	if d == nil {
		return all, nil
	}
	if d.Final && l.Endpoint.Disabled == "" {
		return nil, nil // the operator says that it does not exist here
	}
	e.Source, e.reason, e.beyond = d.Source, d.Reason, d.Final
	if d.Final || !fillable(l.Endpoint, place) {
		e.Text = d.Text
		if l.Endpoint.Host != "" && len(l.Endpoint.Schemes) > 0 {
			e.Text = l.Endpoint.Forms()[0]
		}
		return []Endpoint{e}, nil
	}
	for _, form := range l.Endpoint.Forms() {
		want, err := policy.ParseEntry(starred(form))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Source, err)
		}
		filled := e.wanting(want)
		filled.Text, filled.blank, filled.reason = form, blankOf(form), ""
		all = append(all, filled)
	}
	return all, nil
}

func (e Endpoint) wanting(want policy.Entry) Endpoint {
	e.want = policy.Entry{Scheme: want.Scheme, Host: want.Host, Ports: want.Ports, Path: want.Path, Query: want.Query}
	e.port = want.Scheme.DefaultPort()
	if len(want.Ports) > 0 {
		e.port = want.Ports[0]
	}
	e.Text = e.want.String()
	return e
}

// fillable reports whether nothing but the operator's own names is missing from e at place.
func fillable(e *catalog.Endpoint, place policy.Place) bool {
	return e.HoldsIn(place.Cloud) && e.Disabled == "" && strings.Contains(e.Host, "{") && !strings.Contains(e.Host, "{region") &&
		(len(e.Regions) == 0 || slices.Contains(e.Regions, strings.ToLower(place.Region)))
}

// starred is form with a star for each placeholder: the endpoint is admitted only if it is with every value.
func starred(form string) string {
	for {
		before, rest, ok := strings.Cut(form, "{")
		if !ok {
			return form
		}
		_, after, _ := strings.Cut(rest, "}")
		form = before + "*" + after
	}
}

// blankOf is the setting that fills the first placeholder of form.
func blankOf(form string) string {
	_, rest, _ := strings.Cut(form, "{")
	name, _, _ := strings.Cut(rest, "}")
	return "policy.names." + name
}
