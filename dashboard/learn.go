package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/learn"
	"webproxy/review"
)

// A learnResult is the result of learning at one time.
type learnResult struct {
	*review.LearnInput
	at         time.Time
	took       time.Duration
	ready      []learn.Readiness
	Proposals  []*learn.Proposal
	Withheld   []learn.Withheld
	incomplete []string
}

const learnJob = "learn"

// lastLearnResult is the last one that was read; nil if there was none.
func (p *Pages) lastLearnResult() *learnResult {
	l, _ := p.Jobs.State(learnJob).Result.(*learnResult)
	return l
}

// readLearnResult reads the log to learn from.
func (p *Pages) readLearnResult(ctx context.Context, progress *audit.Progress) (any, error) {
	cfg := p.Config()
	// Answers are in the files before they are in force.
	if cfg.Path != "" {
		if next, err := config.Load(cfg.Path); err == nil {
			cfg = next
		}
	}
	var g reading
	l, err := review.Learn(cfg, review.LearnOptions{Dir: p.Audit.Dir, Watch: g.watch, Progress: progress})
	if err != nil {
		return nil, err
	}
	out := &learnResult{LearnInput: l, at: l.Now}
	out.Proposals, out.Withheld = l.Proposals()
	params := l.Params()
	if candidate, err := review.Enforcing(cfg); err != nil {
		out.incomplete = append(out.incomplete, "no what-if: "+err.Error())
	} else if params.WhatIf, err = l.Replay(candidate, nil); err != nil {
		return nil, err
	}
	for _, group := range l.Groups {
		out.ready = append(out.ready, group.Ready(params))
	}
	out.incomplete = append(append(out.incomplete, g.incomplete...), l.PassedOver()...)
	out.took = time.Since(out.at)
	return out, ctx.Err()
}

// A Learning is the progress of learning of each client group.
type Learning struct {
	Ready   []learn.Readiness // nil until the log was read
	At      time.Time         // as of when
	Running bool              // the log is being read
	Part    float64           // of it that has been read, from 0 to 1
	Err     error             // why it could not be read
}

const (
	// learningFresh is how old the result of Learning may be; learningPause, how old in multiples of the time that reading took.
	learningFresh = time.Hour
	learningPause = 50
)

// Learning returns the progress of learning. If the last result is old or of another policy, it starts to read the log in the background, and
// waits for that until ctx ends.
func (p *Pages) Learning(ctx context.Context) Learning {
	state, known := p.Jobs.State(learnJob), p.lastLearnResult()
	old := known == nil || known.Config.Set.Digest() != p.Config().Set.Digest() || time.Since(known.at) > max(learningFresh, learningPause*known.took)
	if old && time.Since(state.Ended) > fresh {
		p.Jobs.Start(learnJob, p.readLearnResult) // an error means that it runs already, or that the proxy stops
		state = p.Jobs.Wait(ctx, learnJob)
	}
	l := Learning{Running: state.Running, Part: state.Part, Err: state.Err}
	if known = p.lastLearnResult(); known != nil {
		l.Ready, l.At = known.ready, known.at
	}
	return l
}

// A learnBody is the progress of each group, and the proposals.
type learnBody struct {
	Learnt  *learnResult
	At      string
	Running string
	Wrong   string
	States  *table
	Bulk    *table
	Rest    *table
	Notes   []string
}

func (p *Pages) learn(w http.ResponseWriter, r *http.Request) {
	state := p.Jobs.State(learnJob)
	if l := p.lastLearnResult(); !state.Running && (l == nil && state.Err == nil || l != nil && p.answeredAfter(l.at)) {
		state = p.lookUpAnew(r.Context(), learnJob, p.readLearnResult) // answered proposals are not shown again
	}
	b := learnBody{Learnt: p.lastLearnResult()}
	if state.Running {
		b.Running = fmt.Sprintf("reading the log: %.0f %%", 100*state.Part)
	}
	if state.Err != nil {
		b.Wrong = state.Err.Error()
	}
	if b.Learnt != nil {
		b.At, b.Notes = moment(b.Learnt.at).Text, b.Learnt.incomplete
		b.States = b.Learnt.states()
		b.Bulk, b.Rest = b.Learnt.proposalTables()
		if export(w, r, b.States, b.Bulk, b.Rest) {
			return
		}
		for _, t := range []*table{b.States, b.Bulk, b.Rest} {
			t.page(r.URL)
		}
	}
	p.render(w, r, "learn", "Learn", nil, map[bool]int{true: 2}[state.Running], &b)
}

// learnRead has the log read again.
func (p *Pages) learnRead(w http.ResponseWriter, r *http.Request) {
	p.lookUpAnew(r.Context(), learnJob, p.readLearnResult)
	http.Redirect(w, r, "/learn", http.StatusSeeOther)
}

// states is a table of the progress of each group.
func (l *learnResult) states() *table {
	t := &table{Name: "groups", Command: "webproxy learn status",
		Heads: []head{{"group", "Group", ""}, {"mode", "Mode", ""}, {"state", "State", ""}, {"requests", "Requests", "n"}, {"covered", "Covered", "n"},
			{"new_hosts", "New hosts", "n"}, {"would_deny", "Would deny", "n"}, {"missing", "What is missing", "w"}}}
	modes := map[string]string{}
	for _, g := range l.Config.Set.Groups() {
		modes[g.Name] = g.Mode.String()
	}
	for i := range l.ready {
		r := &l.ready[i]
		covered := cell{Text: "-"}
		if r.Requests > 0 {
			covered = cell{Text: fmt.Sprintf("%.1f %%", 100*r.Covered), Value: r.Covered}
		}
		missing := strings.Join(r.Missing, "; ")
		if missing == "" && r.Ready() {
			missing = "nothing: ready to enforce"
		}
		t.Rows = append(t.Rows, row{r.Group, []cell{text(r.Group), text(modes[r.Group]), text(string(r.State)), number(r.Requests), covered,
			number(uint64(r.NewHosts)), number(r.WouldDeny), text(missing)}})
	}
	return t
}

// proposalTables are the proposals without concerns, and the rest, the most suspicious first.
func (l *learnResult) proposalTables() (bulk, rest *table) {
	heads := []head{{"group", "Group", ""}, {"entry", "Entry", "h"}, {"kind", "Kind", ""}, {"confidence", "Sure", "n"}, {"excess", "Excess", "n"},
		{"evidence", "Evidence", "w"}, {"concerns", "Look at", "w"}}
	bulk = &table{Name: "bulk", Heads: heads, Empty: "Nothing.", Command: "webproxy learn review"}
	rest = &table{Name: "rest", Heads: heads, Empty: "Nothing.", Command: "webproxy learn export"}
	for i, x := range l.Proposals {
		evidence := cell{Text: x.Evidence.String()}
		if x.Known != nil {
			evidence.More = append(evidence.More, x.Known.String())
		} else if x.About != "" {
			evidence.More = append(evidence.More, x.About)
		}
		r := row{fmt.Sprintf("%08d", i), []cell{text(x.Group), {Text: x.Entry, Link: "/proposal?" + url.Values{"group": {x.Group}, "entry": {x.Entry}}.Encode()}, text(string(x.Kind)), number(uint64(x.Confidence)), number(uint64(x.Excess)),
			evidence, {More: x.Concerns}}}
		if x.Bulk() {
			bulk.Rows = append(bulk.Rows, r)
		} else {
			rest.Rows = append(rest.Rows, r)
		}
	}
	return bulk, rest
}
