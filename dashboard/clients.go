package dashboard

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"webproxy/audit"
	"webproxy/live"
)

func (p *Pages) clients(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	if v.Get("a") != "" || v.Get("b") != "" {
		p.compare(w, r)
		return
	}
	f := filterOf(v, true)
	t := &table{Name: "clients", Empty: "No client asked for anything.",
		Command: "webproxy audit query " + f.expression("") + f.since() + " --by client,group",
		Heads: []head{{"client", "Client", "c"}, {"group", "Group", ""}, {"requests", "Requests", "n"}, {"denied", "Denied", "n"}, {"hosts", "Hosts", "n"},
			{"hours", "24 h", ""}, {"first", "First seen", "t"}, {"last", "Last", "t"}}}
	for _, u := range p.uses(f, true, all, byClient) {
		name := cmp.Or(audit.AddrText(u.client), "-")
		link := "/denied?" + url.Values{"q": {"client = " + name}, "period": {f.Period}}.Encode()
		t.Rows = append(t.Rows, row{u.key(), []cell{
			{Text: name, Link: link}, text(cmp.Or(u.group, "-")), number(u.Requests), number(u.Denied), number(uint64(len(u.hosts))),
			spark(&u.Hours, "allow"), moment(u.First), moment(u.Last),
		}})
	}
	if export(w, r, t) {
		return
	}
	t.page(r.URL)
	p.render(w, r, "clients", "Clients", f, 0, &compareBody{listBody: listBody{
		Intro: "Is each node as the others? A client leads to what it was denied.", Table: t,
	}})
}

// A compareBody compares two clients.
type compareBody struct {
	listBody
	A, B  string
	Wrong string
}

// compare shows the hosts that one of two clients reached and the other did not.
func (p *Pages) compare(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	f := filterOf(v, true)
	b := compareBody{A: v.Get("a"), B: v.Get("b")}
	a1, err1 := netip.ParseAddr(b.A)
	b1, err2 := netip.ParseAddr(b.B)
	t := &table{Name: "compare", Empty: "Both went to the same hosts, with the same result.",
		Command: "webproxy audit query " + f.expression("client in ("+b.A+", "+b.B+")") + f.since() + " --by host,port,client,decision",
		Heads:   []head{{"target", "Host", "h"}, {"a", b.A, "w"}, {"b", b.B, "w"}}}
	if err1 != nil || err2 != nil {
		b.Wrong = "want the addresses of two clients"
	} else {
		type sides struct {
			a, b map[string]uint64
			why  string // link
		}
		found := map[string]*sides{}
		for i, addr := range []netip.Addr{a1, b1} {
			for _, u := range p.uses(f, false, func(k *live.Key) bool { return k.Client == addr }, func(k *live.Key) groupKey {
				return groupKey{host: k.Host, port: k.Port, reason: string(k.Decision)}
			}) {
				s := found[u.Target()]
				if s == nil {
					s = &sides{map[string]uint64{}, map[string]uint64{}, u.whyLink()}
					found[u.Target()] = s
				}
				side := s.a
				if i == 1 {
					side = s.b
				}
				side[u.reason] += u.Requests
			}
		}
		for host, s := range found {
			if same(s.a, s.b) {
				continue
			}
			t.Rows = append(t.Rows, row{host, []cell{{Text: host, Link: s.why}, sideCell(s.a), sideCell(s.b)}})
		}
		slices.SortFunc(t.Rows, func(x, y row) int { return cmp.Compare(x.Key, y.Key) })
	}
	if export(w, r, t) {
		return
	}
	t.page(r.URL)
	b.Table, b.Intro = t, "Hosts for which the two differ in what was decided, or that only one asked for."
	p.render(w, r, "clients", "Clients", f, 0, &b)
}

func same(a, b map[string]uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if b[k] == 0 {
			return false
		}
	}
	return true
}

func sideCell(side map[string]uint64) cell {
	if len(side) == 0 {
		return cell{Text: "never"}
	}
	c := cell{}
	for _, d := range []string{"allow", "would_deny", "deny"} {
		if side[d] > 0 {
			c.Text += map[bool]string{true: ", "}[c.Text != ""] + d + " " + comma(side[d])
			c.Class = d
		}
	}
	return c
}
