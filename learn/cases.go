package learn

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/catalog"
)

// A Case is proposals that one answer may settle, because they have a domain, a client or days in common. A single
// proposal is a Case too.
type Case struct {
	Group string
	// Domain is the owner of all names; empty if they have none in common.
	Domain string
	// Client is the only one that asks for any of them; empty if there are several.
	Client string
	// Days are those on which they were asked for, if the same for all; nil if not.
	Days      []string
	Proposals []*Proposal
}

// briefDays is the most days with requests that a single event, or one client alone, may explain.
const briefDays = 3

// Cases sorts the proposals that are not for bulk approval into cases, the most suspicious first: what one client alone
// asked for on a few days, names of one owner, names that were asked for on the same few days, and the rest each by itself.
func Cases(list []*Proposal) []Case {
	var rest []*Proposal
	for _, p := range list {
		if !p.Bulk() {
			rest = append(rest, p)
		}
	}
	var all []Case
	for _, key := range []func(*Proposal) string{aloneKey, domainKey, daysKey} {
		var cases []Case
		cases, rest = gather(rest, key)
		all = append(all, cases...)
	}
	for _, p := range rest {
		all = append(all, newCase([]*Proposal{p}))
	}
	slices.SortStableFunc(all, func(a, b Case) int { return b.Suspicion() - a.Suspicion() })
	return all
}

// Split divides a case that has no single answer: by days, if it has none in common, else each proposal by itself.
func (c *Case) Split() []Case {
	rest := c.Proposals
	var all []Case
	if c.Days == nil {
		all, rest = gather(rest, daysKey)
	}
	for _, p := range rest {
		all = append(all, newCase([]*Proposal{p}))
	}
	return all
}

// aloneKey is equal for what one of several clients alone asked for on few days.
func aloneKey(p *Proposal) string {
	if len(p.clients) != 1 || p.GroupClients < 2 || len(p.days) > briefDays {
		return ""
	}
	return p.Group + " " + p.clients[0]
}

func domainKey(p *Proposal) string {
	owner := ""
	for i, h := range p.Hosts() {
		switch o := catalog.Owner(h); {
		case o == "" || i > 0 && o != owner:
			return ""
		default:
			owner = o
		}
	}
	return p.Group + " " + owner
}

func daysKey(p *Proposal) string {
	if len(p.days) > briefDays {
		return ""
	}
	return p.Group + " " + strings.Join(p.days, " ")
}

// gather returns the cases of two or more proposals with the same key, and the other proposals.
func gather(list []*Proposal, key func(*Proposal) string) (cases []Case, rest []*Proposal) {
	found := map[string][]*Proposal{}
	for _, p := range list {
		if k := key(p); k != "" {
			found[k] = append(found[k], p)
		}
	}
	for _, p := range list {
		switch of := found[key(p)]; {
		case len(of) < 2:
			rest = append(rest, p)
		case of[0] == p:
			cases = append(cases, newCase(of))
		}
	}
	return cases, rest
}

func newCase(list []*Proposal) Case {
	first := list[0]
	c := Case{Group: first.Group, Proposals: list, Days: first.days}
	if len(first.clients) == 1 {
		c.Client = first.clients[0]
	}
	_, c.Domain, _ = strings.Cut(domainKey(first), " ")
	for _, p := range list[1:] {
		if len(p.clients) != 1 || p.clients[0] != c.Client {
			c.Client = ""
		}
		if !slices.Equal(p.days, c.Days) {
			c.Days = nil
		}
		if _, domain, _ := strings.Cut(domainKey(p), " "); domain != c.Domain {
			c.Domain = ""
		}
	}
	if len(c.Days) > briefDays {
		c.Days = nil
	}
	return c
}

// Suspicion is that of the most suspicious of the proposals.
func (c *Case) Suspicion() int {
	most := 0
	for _, p := range c.Proposals {
		most = max(most, p.Suspicion)
	}
	return most
}

// Approvable reports whether all may be approved in one answer: they are of one owner. Names that only a client or a day
// has in common may be rejected in one answer.
func (c *Case) Approvable() bool { return c.Domain != "" || len(c.Proposals) == 1 }

// Entries returns the entries of the proposals.
func (c *Case) Entries() []string {
	all := make([]string, 0, len(c.Proposals))
	for _, p := range c.Proposals {
		all = append(all, p.Entry)
	}
	return all
}

// String says what the proposals have in common.
func (c Case) String() string {
	var all []string
	if c.Domain != "" {
		all = append(all, "names of "+c.Domain)
	}
	if c.Client != "" {
		all = append(all, "asked for by "+c.Client+" alone")
	}
	if len(c.Days) > 0 {
		all = append(all, "on "+strings.Join(c.Days, ", ")+" only")
	}
	return fmt.Sprintf("%d proposals: %s", len(c.Proposals), strings.Join(all, ", "))
}

// A Scope chooses proposals by what they have in common. The zero Scope chooses none.
type Scope struct {
	Domain string // all names are in this domain
	Client string // only this client asked for them
	Day    string // they were asked for on this day only: "2026-11-30"
}

// Chooses reports whether s chooses p. All fields that are set must match.
func (s Scope) Chooses(p *Proposal) bool {
	if s == (Scope{}) {
		return false
	}
	inDomain := s.Domain == "" || !slices.ContainsFunc(p.Hosts(), func(h string) bool {
		return h != s.Domain && !strings.HasSuffix(h, "."+s.Domain)
	})
	return inDomain && (s.Client == "" || len(p.clients) == 1 && p.clients[0] == s.Client) &&
		(s.Day == "" || len(p.days) == 1 && p.days[0] == s.Day)
}

// dayText is the day with number n, since 1970, as a date.
func dayText(n int64) string {
	return time.Unix(n*int64(day/time.Second), 0).UTC().Format(time.DateOnly)
}
