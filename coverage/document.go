package coverage

import (
	"cmp"
	"fmt"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

// Listed is the Need of what a document lists: most documents do not say how needed it is.
const Listed Need = "listed"

// Document is the profile of a document that tables has read for place. Each endpoint is in it once, without what the
// document denies and what it says of other clouds. What tables did not understand, or could not fill, is kept as an
// endpoint that cannot be evaluated.
func Document(report *tables.Report, place policy.Place) *Profile {
	p := &Profile{Name: tables.Shown(report.Name), Place: place}
	cloud := cmp.Or(place.Cloud, "public")
	seen := map[string]bool{}
	add := func(e Endpoint) {
		if !seen[e.Text] {
			seen[e.Text] = true
			p.Endpoints = append(p.Endpoints, e)
		}
	}
	for _, l := range report.Lines {
		for _, entry := range l.Entries {
			if entry.Cloud == "" || entry.Cloud == cloud {
				e := Endpoint{Source: entry.Source, Document: p.Name, Need: Listed}
				add(e.wanting(entry))
			}
		}
		for _, left := range l.Left {
			e := Endpoint{Text: tables.Shown(left.Text), Source: fmt.Sprintf("%s:%d", p.Name, l.Number), Document: p.Name, Need: Listed,
				reason: tables.Shown(left.Why), beyond: left.Firewall, fill: left.Hint}
			if left.Kind == tables.Unfilled {
				e.fill = "set policy.region or policy.names, or write the name into the document"
			}
			if left.Kind == tables.Problem || left.Kind == tables.Unfilled || left.Firewall {
				add(e)
			}
		}
	}
	return p
}

// Skipped returns the endpoints that Compare leaves out: those that are not known exactly, and those that no rule can
// express.
func (p *Profile) Skipped() []Skipped {
	var all []Skipped
	for _, e := range p.Endpoints {
		switch {
		case e.reason != "":
			all = append(all, Skipped{Text: e.Text, Source: e.Source, Why: e.reason, Firewall: e.beyond})
		case e.blank != "":
			all = append(all, Skipped{Text: e.Text, Source: e.Source, Why: e.blank + " is not set"})
		}
	}
	return all
}

// Skipped is an endpoint with the reason why it can be held against nothing.
type Skipped struct {
	Text, Source, Why string
	Firewall          bool // no rule can express it
}

// Size is how many endpoints of p can be held against a policy.
func (p *Profile) Size() int {
	n := 0
	for _, e := range p.Endpoints {
		if e.reason == "" {
			n++
		}
	}
	return n
}

// A Comparison is how a document differs from a list or a policy.
type Comparison struct {
	// Added are the endpoints of the document that the other side does not let through.
	Added []Difference
	// Removed are those of the other side that the document does not have.
	Removed []Difference
	// Within are the endpoints of the document that only something wider lets through.
	Within []Difference
}

// A Difference is one endpoint that two sides do not have alike.
type Difference struct {
	Host   string // the pattern
	Text   string // "https://host:8084/path"
	Source string
	By     string // what is wider, if something is
	Why    string // what the other side does with it, if there is more to say than that it has nothing for it
}

// Compare holds p, a profile of a list, against one of a document. What neither the place nor the configuration fills
// takes no part: see Skipped.
func (p *Profile) Compare(document *Profile) Comparison {
	ours, theirs := doorsOf(p), doorsOf(document)
	var c Comparison
	for _, d := range theirs.all {
		switch by := ours.covering(d); {
		case by == nil:
			c.Added = append(c.Added, d.difference("", ""))
		case by.text != d.text:
			c.Within = append(c.Within, d.difference(by.text, ""))
		}
	}
	c.Removed = theirs.lacking(ours)
	return c
}

// ComparePolicy holds what set admits against a document. A rule that holds on a condition admits.
func ComparePolicy(set *policy.Set, document *Profile, o Options) Comparison {
	var c Comparison
	rules := indexRules(set.Rules())
	for i := range document.Endpoints {
		e := &document.Endpoints[i]
		if e.reason != "" || e.blank != "" {
			continue
		}
		d := door{Endpoint: e, scheme: e.want.Scheme, host: e.want.Host, text: e.Text}
		switch row := e.evaluate(rules, o); {
		case !row.Status.Admitted():
			why := row.Why
			if row.Status == Denied {
				why = row.Rule + " denies it"
			}
			c.Added = append(c.Added, d.difference("", why))
		case row.Host != e.want.Host.String():
			c.Within = append(c.Within, d.difference(row.Host, row.Why))
		}
	}
	ours := newDoors()
	for i := range rules.all {
		if r := &rules.all[i]; !r.Deny && (r.Expires.IsZero() || o.Now.Before(r.Expires)) {
			ours.addRule(r)
		}
	}
	c.Removed = doorsOf(document).lacking(ours)
	return c
}

// A door is one way through: a host in one form on one port.
type door struct {
	*Endpoint
	scheme policy.Scheme
	host   policy.Pattern
	text   string
}

func (d *door) difference(by, why string) Difference {
	return Difference{Host: d.host.String(), Text: d.text, Source: d.Source, By: by, Why: why}
}
