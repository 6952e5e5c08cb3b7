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

// However many clients ask for a stranger's name, and on however many days, it is not for bulk approval; and what is
// suspicious about it is said, and counts.
func TestStrangers(t *testing.T) {
	for _, tt := range []struct {
		host, want string // one of the concerns
		suspicion  int    // at least
	}{
		{"login.microsoftoniine.com", "reads like microsoftonline.com", 8},
		{"micros0ft-update.com", "has the name of microsoft.com in it", 8},
		{"download.windowsupdate.com.cdn-evil.net", "begins like windowsupdate.com, and belongs to cdn-evil.net", 8},
		{"downloads.de11.com", "reads like dell.com", 8},
		{"xn--mcrosoft-c2a.com", "reads like", 8},
		{"p0rtal.examp1e.com", "reads like example.com", 8},
		{"brightmeadow.info", "no list has brightmeadow.info", 2},
		{"x1.requestcatcher.com", "a request catcher: it exists to receive", 8},
		{"evil7q.blob.core.windows.net", "one of many: every storage account", 4},
		{"xjwqpfkuzrta.net", "looks like no word", 4},
	} {
		s := newSite()
		s.often(tt.host + ":443")
		p := s.propose(t, ownDomains(t)).List
		if len(p) != 1 || p[0].Bulk() || !slices.ContainsFunc(p[0].Concerns, func(c string) bool { return strings.Contains(c, tt.want) }) || p[0].Suspicion < tt.suspicion {
			t.Errorf("%s: bulk %v, suspicion %d, concerns %q; want %q", tt.host, p[0].Bulk(), p[0].Suspicion, p[0].Concerns, tt.want)
		}
	}
}

// A group of one client has no others to be compared with: what no list has is not for bulk approval there either.
func TestOneClient(t *testing.T) {
	s := newSite()
	for d := range 30 {
		s.at = start.AddDate(0, 0, d)
		s.ask(0, "www.news.example.net:443")
		s.ask(0, "login.microsoftonline.com:443")
	}
	list := s.propose(t, nil).List
	if len(list) != 2 || !list[0].Bulk() || list[0].Entry != "login.microsoftonline.com:443" || list[1].Bulk() {
		t.Errorf("%s, bulk %v %v", entries(learn.Proposals{List: list}), list[0].Bulk(), list[1].Bulk())
	}
}

// What comes at regular intervals, with jitter, is told from what comes by chance; the most suspicious comes first.
func TestRegular(t *testing.T) {
	s := newSite()
	for i := range 400 {
		s.at = start.Add(time.Duration(i)*6*time.Hour/4 + time.Duration(i*7919%1200)*time.Second)
		s.ask(i%3, "slow.example.net:443")
	}
	at := start
	for i := range 400 {
		at = at.Add(time.Duration(1+i*i*7919%86_400*(i%7)/3) * time.Second)
		s.at = at
		s.ask(i%3, "chance.example.org:443")
	}
	list := s.propose(t, nil).List
	if len(list) != 2 || list[0].Entry != "slow.example.net:443" {
		t.Fatalf("%s, want slow.example.net first", entries(learn.Proposals{List: list}))
	}
	has := func(p *learn.Proposal) bool {
		return slices.ContainsFunc(p.Concerns, func(c string) bool { return strings.HasPrefix(c, "asked for at regular intervals, about every ") })
	}
	if !has(list[0]) || has(list[1]) {
		t.Errorf("%q\n%q", list[0].Concerns, list[1].Concerns)
	}
}

// Many names below one stranger's domain, newcomers and minorities are ranked above what was there from the beginning.
func TestRanks(t *testing.T) {
	s := newSite()
	for d := range 30 {
		s.at = start.AddDate(0, 0, d)
		for n := range 6 {
			s.ask(n, "old.example.net:443")
			if d > 20 {
				s.ask(n, "new.example.org:443")
			}
			if n < 2 {
				s.ask(n, "few.example.info:443")
				s.ask(n, fmt.Sprintf("%x.t.example.biz:443", 0x1234567*(d%10+1)))
			}
		}
	}
	list := s.propose(t, nil).List
	if len(list) != 13 || !strings.HasSuffix(list[0].Entry, ".t.example.biz:443") || list[12].Entry != "old.example.net:443" {
		t.Fatalf("%s", entries(learn.Proposals{List: list}))
	}
	for want, p := range map[string]*learn.Proposal{
		"10 names below example.biz were asked for": list[0], "only 2 of 6 clients ask for it": list[0],
	} {
		if !slices.Contains(p.Concerns, want) {
			t.Errorf("%s: %q, want %q", p.Entry, p.Concerns, want)
		}
	}
	i := slices.IndexFunc(list, func(p *learn.Proposal) bool { return p.Entry == "new.example.org:443" })
	if !slices.Contains(list[i].Concerns, "first seen 21 days after the beginning") {
		t.Errorf("%q", list[i].Concerns)
	}
}

// A list in use, and an entry of the operator, make other names of their owners trusted, once enough clients ask
// for them.
func TestVouching(t *testing.T) {
	s := newSite()
	s.often("new.service.microsoft.com:443", "www.partner.example.com:443")
	for name, tt := range map[string]struct {
		rule policy.RuleSpec
		want string // in bulk
	}{
		"nothing":     {policy.RuleSpec{ID: "x", Hosts: []string{"x.example.net"}}, ""},
		"a list":      {policy.RuleSpec{ID: "hci", List: "hci@2021-12"}, "new.service.microsoft.com:443"},
		"an entry":    {policy.RuleSpec{ID: "own", Hosts: []string{"portal.example.com"}}, "www.partner.example.com:443"},
		"not a deny":  {policy.RuleSpec{ID: "own", Hosts: []string{"portal.example.com"}, Deny: true}, ""},
		"not a share": {policy.RuleSpec{ID: "own", Hosts: []string{"a.example.com.blob.core.windows.net"}}, ""},
	} {
		var bulk []string
		for _, p := range s.propose(t, compile(t, tt.rule)).List {
			if p.Bulk() {
				bulk = append(bulk, p.Entry)
			}
		}
		if got := strings.Join(bulk, " "); got != tt.want {
			t.Errorf("%s: in bulk %q, want %q", name, got, tt.want)
		}
	}
}
