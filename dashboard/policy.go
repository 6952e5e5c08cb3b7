package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/lint"
	"webproxy/live"
	"webproxy/policy"
)

// A policyBody is the rules in force with their uses, and what another policy would change.
type policyBody struct {
	Table    *table
	State    string // which rules are shown
	States   []string
	Findings *table
	Texts    string
	Editable bool
	Path     string
	Phases   []phaseRow
	Groups   []groupState
	Made     string // see answeredSince
}

const (
	ruleAll    = "all"
	ruleUsed   = "used"
	ruleUnused = "unused"
	ruleWide   = "wide"
	ruleEnding = "ending"
)

// A ruleUse is the use of an entry according to the log.
type ruleUse struct {
	hits uint64
	last time.Time
}

// ruleUses are the uses of all entries of set, in its order.
func (p *Pages) ruleUses(set *policy.Set) []ruleUse {
	type hosts struct {
		exact map[string][]*audit.Row
		all   []*audit.Row
	}
	byRule := map[string]*hosts{}
	var uses []ruleUse
	p.Live.View(func(v *live.View) {
		for r := range v.Total.All() {
			if r.Rule == "" || r.Requests == 0 {
				continue
			}
			h := byRule[r.Rule]
			if h == nil {
				h = &hosts{exact: map[string][]*audit.Row{}}
				byRule[r.Rule] = h
			}
			h.exact[r.Host] = append(h.exact[r.Host], r)
			h.all = append(h.all, r)
		}
		for info := range set.All() {
			var u ruleUse
			if h := byRule[info.Rule]; h != nil {
				rows := h.exact[info.Host.String()]
				if info.Host.IsWildcard() {
					rows = h.all
				}
				for _, r := range rows {
					// Entries of a list may have the same name: the host distinguishes them.
					if decidedBy(r, &info) && info.Host.Matches(r.Host) {
						u.hits += r.Requests
						if r.Last.After(u.last) {
							u.last = r.Last
						}
					}
				}
			}
			uses = append(uses, u)
		}
	})
	return uses
}

// decidedBy reports whether rule is what allowed, or denied, the requests of row.
func decidedBy(row *audit.Row, rule *policy.RuleInfo) bool {
	if rule.Deny {
		return row.Decision == "deny" && row.Reason == policy.DeniedByRule.String()
	}
	return row.Decision == "allow"
}

func (p *Pages) policy(w http.ResponseWriter, r *http.Request) {
	cfg, now := p.Config(), time.Now()
	v := r.URL.Query()
	b := policyBody{State: v.Get("state"), States: []string{ruleAll, ruleUsed, ruleUnused, ruleWide, ruleEnding}, Editable: cfg.Path != "", Path: cfg.Path, Made: madeNow()}
	b.Phases = phaseRows(cfg, now)
	for _, g := range cfg.Set.Groups() {
		b.Groups = append(b.Groups, groupState{Name: g.Name, Mode: g.Mode.String()})
	}
	if !slices.Contains(b.States, b.State) {
		b.State = ruleAll
	}
	host := strings.ToLower(strings.TrimSpace(v.Get("host")))
	b.Texts = host
	t := &table{Name: "rules", Empty: "No such rule.", Command: "webproxy learn narrow",
		Heads: []head{{"entry", "Entry", "h"}, {"effect", "Effect", "d"}, {"hits", "Hits", "n"}, {"last", "Last use", "t"}, {"expires", "Ends", "t"},
			{"rule", "Rule", "w"}, {"source", "", hidden}, {"breadth", "", hidden}, {"by", "By", "w"}, {"", "What if", "d"}}}
	uses := p.ruleUses(cfg.Set)
	digest := policy.ShortDigest(cfg.Set.Digest())
	i := -1
	for info := range cfg.Set.All() {
		i++
		u := uses[i]
		wide := info.Host.IsWildcard()
		ends := !info.Expires.IsZero() && info.Expires.After(now) && info.Expires.Before(now.AddDate(0, 0, 30))
		show := map[string]bool{ruleAll: true, ruleUsed: u.hits > 0, ruleUnused: u.hits == 0, ruleWide: wide, ruleEnding: ends}[b.State]
		if !show || host != "" && !strings.Contains(info.Host.String(), host) && !info.Host.Matches(host) && !strings.Contains(info.Rule, host) {
			continue
		}
		effect := cell{Text: "allow", Class: "allow"}
		if info.Deny {
			effect = cell{Text: "deny", Class: "deny"}
		}
		if info.Phase != "" {
			effect.More = append(effect.More, "phase "+info.Phase)
		}
		breadth := "one host"
		if wide {
			breadth = "such as " + strings.Join(info.Host.Examples(), ", ")
		}
		if info.Path != "" {
			breadth += ", path " + info.Path
		}
		expires := cell{Text: "never"}
		if !info.Expires.IsZero() {
			expires = moment(info.Expires)
			if info.Expires.Before(now) {
				expires.Class = "deny"
			}
		}
		note := breadth
		if !wide && info.Path == "" {
			note = ""
		}
		t.Rows = append(t.Rows, row{fmt.Sprintf("%08d", i), []cell{
			{Text: info.Host.String(), Note: note}, effect, number(u.hits), moment(u.last), expires, {Text: info.Rule, Note: info.Source}, text(info.Source), text(breadth),
			text(strings.TrimSpace(info.By + " " + info.Reason)), {Text: "if it were gone", Link: goneLink(i, digest)},
		}})
	}
	b.Findings = findings(cfg, now)
	if export(w, r, t, b.Findings) {
		return
	}
	t.page(r.URL)
	b.Findings.page(r.URL)
	b.Table = t
	p.render(w, r, "policy", "Policy", nil, 0, &b)
}

// findings are the findings of lint.
func findings(cfg *config.Config, now time.Time) *table {
	t := &table{Name: "findings", Empty: "None.", Command: "webproxy check",
		Heads: []head{{"code", "Finding", ""}, {"entry", "Entry", "h"}, {"source", "Where", "w"}, {"reason", "Why", "w"}, {"fix", "Do", "w"}}}
	found, err := lint.Check(lint.Input{Set: cfg.Set, Spec: &cfg.Policy, Now: now})
	if err != nil {
		t.Empty = "The policy could not be checked: " + err.Error()
	}
	for i := range found {
		f := &found[i]
		source := f.File
		if f.Line > 0 {
			source = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		t.Rows = append(t.Rows, row{fmt.Sprintf("%08d", i), []cell{{Text: string(f.Code), Class: map[bool]string{true: "would_deny"}[f.Level == lint.Warning]},
			text(f.Entry), text(source), text(f.Reason), text(f.Fix)}})
	}
	return t
}
