package coverage_test

import (
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/coverage"
	"webproxy/policy"
)

func document(t *testing.T, text string, place policy.Place) *coverage.Profile {
	t.Helper()
	report, err := tables.Read("doc", []byte(text), place)
	if err != nil {
		t.Fatal(err)
	}
	return coverage.Document(&report, place)
}

// differences is all differences in one line.
func differences(ds []coverage.Difference) string {
	var all []string
	for _, d := range ds {
		s := d.Text
		if d.By != "" {
			s += "<" + d.By
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// Endpoints that only one of a document and a list has: scheme, port and path are compared.
func TestCompare(t *testing.T) {
	for _, tt := range []struct{ added, removed, within, ours, theirs string }{
		{"", "", "", "a.example.com", "https://a.example.com:443"},
		{"http://a.example.com", "https://a.example.com", "", "a.example.com", "http://a.example.com"},
		{"https://a.example.com:8084", "https://a.example.com", "", "a.example.com", "a.example.com:8084"},
		// a wildcard is wider than a name, and not the other way round
		{"", "https://*.example.com", "https://a.example.com<https://*.example.com", "*.example.com", "a.example.com"},
		{"https://*.example.com", "", "", "a.example.com", "*.example.com"},
		{"https://example.com", "https://*.example.com", "", "*.example.com", "example.com"},
		// so is a host than one of its paths
		{"", "http://a.example.com", "http://a.example.com/crl<http://a.example.com", "http://a.example.com", "http://a.example.com/crl"},
		{"http://a.example.com", "", "", "http://a.example.com/crl", "http://a.example.com"},
		{"http://a.example.com/pki", "http://a.example.com/crl", "", "http://a.example.com/crl", "http://a.example.com/pki"},
		// repeated, denied, of another cloud
		{"", "", "", "a.example.com", "a.example.com\na.example.com\n## Blocked\n- b.example.com"},
	} {
		c := document(t, tt.ours, policy.Place{}).Compare(document(t, tt.theirs, policy.Place{}))
		if got := [3]string{differences(c.Added), differences(c.Removed), differences(c.Within)}; got != [3]string{tt.added, tt.removed, tt.within} {
			t.Errorf("%q to %q: added, removed, within %q; want %q %q %q", tt.ours, tt.theirs, got, tt.added, tt.removed, tt.within)
		}
	}
}

// A policy refuses what a deny names, whatever allows it.
func TestComparePolicy(t *testing.T) {
	set := compile(t, policy.Spec{Rules: []policy.RuleSpec{
		{ID: "wide", Hosts: []string{"*.example.com"}},
		{ID: "no", Hosts: []string{"no.example.com"}, Deny: true},
		{ID: "own", Hosts: []string{"own.example.org"}, Ports: []uint16{8443}},
	}}, "")
	c := coverage.ComparePolicy(set, document(t, "a.example.com\nno.example.com\nb.example.org", policy.Place{}), coverage.Options{Now: now})
	if got, want := differences(c.Added), "https://no.example.com https://b.example.org"; got != want {
		t.Errorf("added %q, want %q", got, want)
	}
	if got, want := differences(c.Removed), "https://*.example.com https://own.example.org:8443"; got != want {
		t.Errorf("removed %q, want %q", got, want)
	}
	if got, want := differences(c.Within), "https://a.example.com<*.example.com"; got != want {
		t.Errorf("within %q, want %q", got, want)
	}
}

// Nothing of a document is dropped: what cannot be evaluated is in the report, and required.
func TestDocument(t *testing.T) {
	p := document(t, "a.example.com\nhttp://b.example.com:443\n<region>.example.com\ntime.windows.com:123\nNothing here.", policy.Place{})
	report := p.Check(compile(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{"a.example.com"}}}}, ""), coverage.Options{Now: now})
	var got []string
	for _, row := range report.Rows {
		got = append(got, string(row.Status))
	}
	if want := "covered unknown unknown inexpressible"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if report.Complete() {
		t.Error("complete, with endpoints that nobody understood")
	}
}
