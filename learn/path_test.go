package learn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"webproxy/learn"
	"webproxy/policy"
)

// Where an entry allows one path of a host, what is asked for below another one is learnt by itself, and keeps the group
// from being ready: enforcing would refuse it.
func TestPathRules(t *testing.T) {
	pkiinfra := policy.RuleSpec{ID: "crl", URL: "http://crl.microsoft.com/pkiinfra"}
	set := compile(t, pkiinfra)
	s := newSite()
	s.seen.Paths = learn.NewPathRules(set, openKnown(t))
	for d := range 30 {
		s.at = start.AddDate(0, 0, d)
		for n := range 4 {
			s.ask(n, "http://crl.microsoft.com/pkiinfra/crl/a.crl", allowed("crl"))
			for i := range 4 {
				s.ask(n, fmt.Sprintf("http://crl.microsoft.com/pkiops/crl/%d.crl", i))
			}
			s.ask(n, "http://crl.microsoft.com/pki/crl/products/x.crl")
		}
	}
	list := s.propose(t, set).List
	want := []string{"http://crl.microsoft.com/pki", "http://crl.microsoft.com/pkiops"}
	var got []string
	for _, p := range list {
		got = append(got, p.Entry)
		if strings.Contains(p.About, "of another cloud") || !strings.HasPrefix(p.About, "catalog ") && p.Known == nil {
			t.Errorf("%s: evidence %q", p.Entry, p.About)
		}
		lines, err := approve(p)
		if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], p.Entry) {
			t.Errorf("%s: lines %q, %v", p.Entry, lines, err)
		}
	}
	if slices.Sort(got); len(got) != 2 || got[1] != want[1] || !strings.HasPrefix(got[0], want[0]) {
		t.Errorf("%q, want %q", got, want)
	}
	if r := s.ready(t, learn.Decisions{}, pkiinfra); r.Ready() || r.Undecided != 600 {
		t.Errorf("%s, undecided %d, %q; want 600", r.State, r.Undecided, r.Missing)
	}
	all := append([]policy.RuleSpec{pkiinfra}, policy.RuleSpec{ID: "ops", URL: "http://crl.microsoft.com/pkiops"}, policy.RuleSpec{ID: "pki", URL: "http://crl.microsoft.com/pki"})
	if r := s.ready(t, learn.Decisions{}, all...); !r.Ready() || r.Undecided != 0 || r.NewHosts != 0 {
		t.Errorf("after the approvals: %s, undecided %d, %q", r.State, r.Undecided, r.Missing)
	}
	// one path rejected, another open: the host is not decided
	rejected := learn.Decisions{Decided: []learn.Decided{{Group: "nodes", Entry: "http://crl.microsoft.com/pkiops", Answer: learn.Reject}}}
	if r := s.ready(t, rejected, pkiinfra); r.Ready() || r.Undecided == 0 {
		t.Errorf("half rejected: %s, undecided %d", r.State, r.Undecided)
	}
}

// A host with too many paths is learnt as a whole, and one on which paths do not decide always is.
func TestManyPaths(t *testing.T) {
	set := compile(t, policy.RuleSpec{ID: "ocsp", URL: "http://ocsp.example.com/one"})
	s := newSite()
	s.seen.Paths = learn.NewPathRules(set, nil)
	for i := range 40 {
		s.often(fmt.Sprintf("http://ocsp.example.com/M%02d", i), fmt.Sprintf("http://www.example.com/%02d", i))
	}
	list := s.propose(t, set).List
	if got := entries(learn.Proposals{List: list}); len(list) != 2 || !strings.Contains(got, "http://ocsp.example.com") || strings.Contains(got, "/M") {
		t.Errorf("%s, want the two hosts", got)
	}
}

// approve are the lines that an approval of p leads to.
func approve(p *learn.Proposal) ([]string, error) {
	item := p.Item()
	item.Answer, item.Reason = learn.Approve, "x"
	return item.Lines()
}
