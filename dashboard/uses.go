package dashboard

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/svg"
	"webproxy/internal/wording"
	"webproxy/live"
)

// A groupKey is what requests that are counted together have in common.
type groupKey struct {
	host   string
	port   uint16
	scheme string
	reason string
	client netip.Addr
	group  string
}

func byHostAndReason(k *live.Key) groupKey {
	return groupKey{host: k.Host, port: k.Port, scheme: k.Scheme, reason: k.Reason}
}
func byHost(k *live.Key) groupKey   { return groupKey{host: k.Host, port: k.Port, scheme: k.Scheme} }
func byClient(k *live.Key) groupKey { return groupKey{client: k.Client, group: k.Group} }

// A use counts the requests with one groupKey.
type use struct {
	groupKey
	Requests    uint64
	Denied      uint64
	First, Last time.Time
	ID          string // of the last, if it is of the last day
	Hours       [live.Hours]uint64
	clients     map[netip.Addr]uint64
	groups      map[string]bool
	hosts       map[string]bool
	like        live.Key // one of them
}

// key orders uses by count, the highest first.
func (u *use) key() string {
	return rankKey(u.Requests, u.host, fmt.Sprint(u.port), u.scheme, u.reason, audit.AddrText(u.client), u.group)
}

// Target is the host and port.
func (u *use) Target() string { return target(u.host, u.port) }

func target(host string, port uint16) string {
	switch {
	case host == "":
		return "(no host)"
	case host == audit.Other:
		return host
	case strings.Contains(host, ":"):
		return fmt.Sprintf("[%s]:%d", host, port)
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// address is the URL that explains a request of u.
func (u *use) address() string {
	if u.scheme == "http" {
		return "http://" + u.Target() + "/"
	}
	return "https://" + u.Target()
}

// whyLink is the URL of the page that explains the last request.
func (u *use) whyLink() string {
	v := url.Values{}
	if u.ID != "" {
		v.Set("q", u.ID)
	} else {
		v.Set("q", u.address())
		v.Set("client", audit.AddrText(u.like.Client))
	}
	return "/why?" + v.Encode()
}

// ClientList names the first clients, and how many more there are.
func (u *use) ClientList() string {
	const named = 4
	all := slices.SortedFunc(maps.Keys(u.clients), netip.Addr.Compare)
	names := make([]string, 0, named)
	for _, a := range all[:min(len(all), named)] {
		names = append(names, cmp.Or(audit.AddrText(a), "-"))
	}
	text := strings.Join(names, " ")
	if more := len(all) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// GroupList names the client groups.
func (u *use) GroupList() string {
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(u.groups)), " "), "-")
}

func (u *use) add(k *live.Key, n uint64, first, last time.Time) {
	if u.clients == nil {
		u.clients, u.groups, u.hosts, u.like = map[netip.Addr]uint64{}, map[string]bool{}, map[string]bool{}, *k
	}
	u.Requests += n
	if k.Decision != "allow" && k.Decision != "would_deny" {
		u.Denied += n
	}
	u.clients[k.Client] += n
	if k.Group != "" {
		u.groups[k.Group] = true
	}
	u.hosts[target(k.Host, k.Port)] = true
	if u.First.IsZero() || first.Before(u.First) {
		u.First = first
	}
	if last.After(u.Last) {
		u.Last, u.like = last, *k
	}
}

// uses counts the requests that the filter and keep select, by by, the most frequent first. since searches the whole log for the first of
// each.
func (p *Pages) uses(f *filter, since bool, keep func(*live.Key) bool, by func(*live.Key) groupKey) []*use {
	found := map[groupKey]*use{}
	get := func(k *live.Key) *use {
		g := by(k)
		u := found[g]
		if u == nil {
			u = &use{groupKey: g}
			found[g] = u
		}
		return u
	}
	p.Live.View(func(v *live.View) {
		total := func(fn func(*live.Key, *audit.Row)) {
			for r := range v.Total.All() {
				k := live.Key{Group: r.Group, Client: r.Client, Host: r.Host, Port: r.Port, Scheme: r.Scheme, Decision: r.Decision, Reason: r.Reason, Rule: r.Rule}
				if r.Requests == 0 || !keep(&k) {
					continue
				}
				fn(&k, r)
			}
		}
		for r := range v.Day.All() {
			record := r.Record()
			if !keep(&r.Key) || !f.matches(&record) {
				continue
			}
			u := get(&r.Key)
			if r.Last.After(u.Last) {
				u.ID = r.ID
			}
			if !f.All() {
				u.add(&r.Key, r.Requests(), r.First, r.Last)
			}
			for i, n := range v.Day.Hours(r) {
				u.Hours[i] += n
			}
		}
		switch {
		case f.All():
			total(func(k *live.Key, r *audit.Row) {
				if record := r.Record(); f.matches(&record) {
					get(k).add(k, r.Requests, r.First, r.Last)
				}
			})
		case since:
			total(func(k *live.Key, r *audit.Row) {
				if u := found[by(k)]; u != nil && r.First.Before(u.First) {
					u.First = r.First
				}
			})
		}
	})
	list := make([]*use, 0, len(found))
	for _, u := range found {
		if u.Requests > 0 {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(a, b *use) int { return cmp.Compare(a.key(), b.key()) })
	return list
}

func denied(k *live.Key) bool    { return k.Decision != "allow" && k.Decision != "would_deny" }
func permitted(k *live.Key) bool { return !denied(k) }
func all(*live.Key) bool         { return true }

func text(s string) cell { return cell{Text: s} }

func number(n uint64) cell { return cell{Text: wording.Comma(n), Value: n} }

func moment(t time.Time) cell {
	if t.IsZero() {
		return cell{Text: "-"}
	}
	return cell{Text: t.UTC().Format("2006-01-02 15:04"), Value: t.UTC()}
}

// twoLines is moment for a narrow column.
func twoLines(t time.Time) cell {
	c := moment(t)
	if day, hour, ok := strings.Cut(c.Text, " "); ok {
		c.Text, c.More = day, []string{hour}
	}
	return c
}

func spark(hours *[live.Hours]uint64, class string) cell {
	c := svg.Spark("requests in each of the last 24 hours", class, hours[:])
	return cell{Spark: &c, Value: *hours}
}
