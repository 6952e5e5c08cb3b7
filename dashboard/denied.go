package dashboard

import (
	"net/http"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// A listBody is a page of one table.
type listBody struct {
	Intro  string
	Table  *table
	Second *table
	Notes  []string
}

func (p *Pages) denied(w http.ResponseWriter, r *http.Request) {
	f := filterOf(r.URL.Query(), true)
	now := time.Now()
	set := p.Config().Set
	t := &table{Name: "denied", Empty: "Nothing was denied.",
		Command: "webproxy audit query " + f.expression("decision=deny") + f.since() + " --by host,port,reason",
		Heads: []head{{"target", "Host", "h"}, {"reason", "Reason", "w"}, {"now", "Now", "w"}, {"requests", "Requests", "n"}, {"hours", "24 h", ""},
			{"decide", "Decide", "s"}, {"clients", "Clients", "c"}, {"groups", "Groups", "s"}, {"first", "Since", "d"}, {"last", "Last", "d"}}}
	for _, u := range p.uses(f, true, denied, byHostAndReason) {
		decide := cell{Text: "decide", Link: u.decideLink()}
		if u.host == "" || u.host == audit.Other {
			decide = cell{}
		}
		t.Rows = append(t.Rows, row{u.key(), []cell{
			{Text: u.Target(), Link: u.whyLink()}, text(u.reason), standing(set, u, now), number(u.Requests), spark(&u.Hours, "deny"), decide,
			text(u.ClientList()), text(u.GroupList()), twoLines(u.First), twoLines(u.Last),
		}})
	}
	if export(w, r, t) {
		return
	}
	t.page(r.URL)
	p.render(w, r, "list", "Denied", f, 0, &listBody{
		Intro: "What was denied, by host and reason. A host leads to its why; the column Now says what the policy in force would do with it now.", Table: t,
	})
}

// standing is what the policy in force would decide about the last request of u now.
func standing(set *policy.Set, u *use, now time.Time) cell {
	var scheme policy.Scheme
	if scheme.UnmarshalText([]byte(u.scheme)) != nil || u.host == "" || !u.like.Client.IsValid() {
		return cell{Text: "cannot be evaluated again"}
	}
	t, err := policy.ParseTarget(scheme, u.Target())
	if err != nil {
		return cell{Text: "cannot be evaluated again"}
	}
	method := "CONNECT"
	if u.scheme == "http" {
		method = "GET"
	}
	d := set.Decide(&policy.Request{Time: now, Client: u.like.Client, Method: method, Target: t, Path: map[bool]string{true: "/"}[u.scheme == "http"]})
	switch {
	case d.Outcome() == "allow":
		return cell{Text: "now allowed by " + strings.TrimSpace(d.Rule()+" "+d.Source()), Class: "allow"}
	case d.Permit:
		return cell{Text: "would be let through (learn mode)", Class: "would_deny"}
	}
	return cell{Text: "denied: " + d.Reason.String(), Class: "deny"}
}
