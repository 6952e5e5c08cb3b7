package learn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/learn"
	"webproxy/policy"
)

// Names below a wildcard in force that many owners share are learnt and ranked all the same, and offered as entries that
// replace it; a beacon to a rented name does not stay hidden.
func TestSharedWildcardInForce(t *testing.T) {
	wide := policy.RuleSpec{ID: "azure", Hosts: []string{"*.blob.core.windows.net", "*.azure.com", "*.example.com"}, Source: "webproxy.yaml:5"}
	s := newSite()
	for d := range 30 {
		for n := range 4 {
			s.at = start.AddDate(0, 0, d).Add(time.Duration(n*n) * 7 * time.Minute)
			s.ask(n, "witness.blob.core.windows.net:443", allowed("azure"))
			s.ask(n, "azurecliprod.blob.core.windows.net:443", allowed("azure")) // a list names it
			s.ask(n, "management.azure.com:443", allowed("azure"))               // Microsoft's own
			s.ask(n, "www.example.com:443", allowed("azure"))                    // below a wildcard of one owner
		}
		for i := range 144 {
			s.at = start.AddDate(0, 0, d).Add(time.Duration(i) * 10 * time.Minute)
			s.ask(2, "sync7f3a.blob.core.windows.net:443", allowed("azure"))
		}
	}
	list := s.propose(t, compile(t, wide)).List
	var got []string
	for _, p := range list {
		got = append(got, p.Entry)
		if p.Bulk() || !strings.HasPrefix(p.Replaces, "*.blob.core.windows.net (azure, ") || p.Item().Replaces == "" {
			t.Errorf("%s: bulk %v, replaces %q", p.Entry, p.Bulk(), p.Replaces)
		}
	}
	want := []string{"sync7f3a.blob.core.windows.net:443", "witness.blob.core.windows.net:443", "azurecliprod.blob.core.windows.net:443"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for _, c := range []string{"only one of 4 clients asks for it", "asked for at regular intervals, about every 10 minutes"} {
		if !slices.Contains(list[0].Concerns, c) && !strings.Contains(fmt.Sprint(list[0].Concerns), strings.TrimSuffix(c, "10 minutes")) {
			t.Errorf("concerns %q, want %q", list[0].Concerns, c)
		}
	}
	if r := s.ready(t, learn.Decisions{}, wide); !r.Ready() || r.NewHosts != 0 {
		t.Errorf("they are allowed: %s, %d new hosts, %q", r.State, r.NewHosts, r.Missing)
	}
	// what was approved, or rejected, is not offered again
	own := policy.RuleSpec{ID: "own", Hosts: []string{"witness.blob.core.windows.net", "azurecliprod.blob.core.windows.net"}}
	decided := learn.Decisions{Decided: []learn.Decided{{Group: "nodes", Entry: want[0], Answer: learn.Reject}}}
	if p := s.seen.Group("nodes").Propose(learn.Params{Policy: compile(t, wide, own), Known: openKnown(t), Now: s.at, Decisions: decided}); len(p.List) != 0 {
		t.Errorf("after the answers: %s", entries(p))
	}
}
