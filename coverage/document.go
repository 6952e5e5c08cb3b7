package coverage

import (
	"cmp"
	"fmt"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

// Listed is the Need of a document's endpoints: most documents do not say whether they are required.
const Listed Need = "listed"

// Document returns the profile of a document that package tables has read for place. It has each endpoint once, without those
// that the document denies or has for other clouds. Parts that tables did not understand, or could not fill, are kept as
// endpoints that cannot be evaluated.
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

// Skipped returns the endpoints that Compare leaves out: those with an unknown part, and those that no rule can express.
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

// Skipped is an endpoint that cannot be compared, and why.
type Skipped struct {
	Text, Source, Why string
	Firewall          bool // no rule can express it
}

// Size is how many endpoints of p can be compared with a policy.
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

// A Difference is one endpoint that differs between two sides.
type Difference struct {
	Host   string // the pattern
	Text   string // "https://host:8084/path"
	Source string
	By     string // the wider entry that lets it through; may be empty
	Why    string // what the other side does with it; empty if it has no entry for it
}

// Compare compares p, the profile of a list, with the profile of a document. It leaves out the endpoints in Skipped.
func (p *Profile) Compare(document *Profile) Comparison {
	ours, theirs := flowsOf(p), flowsOf(document)
	var c Comparison
	for _, d := range theirs.all {
		switch by := ours.covering(d); {
		case by == nil:
			c.Added = append(c.Added, d.difference("", ""))
		case by.text != d.text:
			c.Within = append(c.Within, d.difference(by.text, ""))
		}
	}
	c.Removed = theirs.missing(ours)
	return c
}

// ComparePolicy compares what set admits with a document. A rule with a condition counts as admitting.
func ComparePolicy(set *policy.Set, document *Profile, o Options) Comparison {
	var c Comparison
	rules := indexRules(set.Rules(), o)
	for i := range document.Endpoints {
		e := &document.Endpoints[i]
		if e.reason != "" || e.blank != "" {
			continue
		}
		d := flow{Endpoint: e, scheme: e.want.Scheme, host: e.want.Host, text: e.Text}
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
	ours := newFlowSet()
	for i := range rules.all {
		if r := &rules.all[i]; !r.Deny && (r.Expires.IsZero() || o.Now.Before(r.Expires)) {
			ours.addRule(r)
		}
	}
	c.Removed = flowsOf(document).missing(ours)
	return c
}

// A flow is an endpoint that a list, a document or a policy allows: a host, a scheme, a port and a path.
type flow struct {
	*Endpoint
	scheme policy.Scheme
	host   policy.Pattern
	text   string
}

func (f *flow) difference(by, why string) Difference {
	return Difference{Host: f.host.String(), Text: f.text, Source: f.Source, By: by, Why: why}
}
