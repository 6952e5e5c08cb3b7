package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
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
		Heads: []head{{"entry", "Entry", "h"}, {"effect", "Effect", ""}, {"hits", "Hits", "n"}, {"last", "Last use", "t"}, {"expires", "Ends", "t"},
			{"rule", "Rule", "w"}, {"source", "Where", "w"}, {"breadth", "Breadth", "w"}, {"by", "By", ""}}}
	uses := p.ruleUses(cfg.Set)
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
		t.Rows = append(t.Rows, row{fmt.Sprintf("%08d", i), []cell{
			text(info.Host.String()), effect, number(u.hits), moment(u.last), expires, text(info.Rule), text(info.Source), text(breadth),
			text(strings.TrimSpace(info.By + " " + info.Reason)),
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
		Heads: []head{{"code", "Finding", "d"}, {"entry", "Entry", "h"}, {"source", "Where", "w"}, {"reason", "Why", "w"}, {"fix", "Do", "w"}}}
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

// A whatIfBody shows what another policy would change.
type whatIfBody struct {
	Candidate string // text of webproxy.yaml
	Wrong     string
	Quick     *table // from the counts of the log
	Intro     string
	Running   string
	Full      *replay.Replay
	FullTable *table
	FullAt    time.Time
	Notes     []string
	Path      string
}

// whatIf evaluates the counts with another configuration immediately, and on request the records, as a job.
func (p *Pages) whatIf(w http.ResponseWriter, r *http.Request) {
	cfg := p.Config()
	b := whatIfBody{Path: cfg.Path}
	if cfg.Path == "" {
		http.Error(w, "the built-in configuration has no file to edit", http.StatusNotFound)
		return
	}
	b.Candidate = r.PostFormValue("candidate")
	if file, _, err := r.FormFile("file"); err == nil {
		defer file.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(file); err == nil && text.Len() > 0 {
			b.Candidate = text.String()
		}
	}
	if strings.TrimSpace(b.Candidate) == "" {
		data, err := os.ReadFile(cfg.Path)
		if err != nil {
			b.Wrong = err.Error()
		}
		b.Candidate = string(data)
	} else if candidate, err := config.LoadCandidate(cfg, []byte(b.Candidate)); err != nil {
		b.Wrong = err.Error()
		var problems config.Problems
		if errors.As(err, &problems) {
			var text bytes.Buffer
			problems.Write(&text)
			b.Wrong = text.String()
		}
	} else {
		p.compareCounts(&b, cfg.Set, candidate.Set)
		if r.PostFormValue("full") != "" {
			p.replay(r.Context(), &b, candidate.Set)
		}
	}
	p.render(w, r, "whatif", "What if", nil, 0, &b) // a refresh would lose the form
}

// compareCounts compares two policies with the counts of the log.
func (p *Pages) compareCounts(b *whatIfBody, now, then *policy.Set) {
	t := &table{Name: "quick", Empty: "Nothing that is counted would be decided otherwise.", Command: "webproxy audit replay --config CANDIDATE",
		Heads: []head{{"target", "Host", "h"}, {"change", "Change", "w"}, {"requests", "Requests", "n"}, {"clients", "Clients", "w"}, {"last", "Last", "t"}}}
	at := time.Now()
	added, removed := policy.Diff(now, then)
	b.Intro = fmt.Sprintf("%s added, %s removed; policy %s", comma(len(added)), comma(len(removed)), policy.ShortDigest(then.Digest()))
	for _, u := range p.uses(&filter{Period: periodAll}, false, all, func(k *live.Key) groupKey {
		return groupKey{host: k.Host, port: k.Port, scheme: k.Scheme, client: k.Client, group: k.Group}
	}) {
		was, is := standing(now, u, at), standing(then, u, at)
		if was.Class == is.Class || was.Class == "" || is.Class == "" {
			continue
		}
		is.Text = was.Class + " → " + is.Class + ": " + is.Text
		t.Rows = append(t.Rows, row{u.key(), []cell{text(u.Target()), is, number(u.Requests), text(u.ClientList()), moment(u.Last)}})
	}
	t.Rows = t.Rows[:min(len(t.Rows), pageRows)]
	b.Quick = t
}

// replay evaluates the records of the last 30 days with the policy then.
func (p *Pages) replay(ctx context.Context, b *whatIfBody, then *policy.Set) {
	state := p.lookUp(ctx, "replay "+then.Digest(), func(ctx context.Context, progress *audit.Progress) (any, error) {
		out := replay.New(then)
		_, err := audit.Scan(p.Audit.Dir, audit.ScanOptions{Since: time.Now().AddDate(0, 0, -30), Progress: progress}, func(r audit.Record) error {
			out.Add(&r)
			return ctx.Err()
		})
		return out, err
	})
	if state.Running {
		b.Running = fmt.Sprintf("%.0f %%", 100*state.Part)
		return
	}
	if state.Err != nil {
		b.Wrong = state.Err.Error()
		return
	}
	b.Full, _ = state.Result.(*replay.Replay)
	b.FullAt = state.Ended
	t := &table{Name: "full", Empty: "Nothing would be decided otherwise.", Heads: []head{{"target", "Host", "h"}, {"was", "Was", "w"}, {"is", "Is", "w"}, {"requests", "Requests", "n"}, {"client", "Client", "c"}, {"last", "Last", "t"}}}
	for _, c := range b.Full.Finish() {
		t.Rows = append(t.Rows, row{"", []cell{text(target(c.Host, c.Port)), {Text: strings.TrimSpace(string(c.Was.Decision) + " " + c.Was.Rule), Class: string(c.Was.Decision)},
			{Text: strings.TrimSpace(string(c.Is.Decision) + " " + cmp.Or(c.Is.Rule, c.Is.Reason)), Class: string(c.Is.Decision)}, number(c.Requests), text(audit.AddrText(c.Client)), moment(c.Last)}})
	}
	t.Rows = t.Rows[:min(len(t.Rows), pageRows)]
	b.FullTable = t
}
