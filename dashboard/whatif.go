package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/internal/smallfile"
	"webproxy/live"
	"webproxy/policy"
)

// A whatIfBody shows what another policy would change.
type whatIfBody struct {
	Candidate string // text of webproxy.yaml
	Wrong     string
	Quick     *table // from the counts of the log
	Intro     string
	Running   string
	Full      *replayed
	FullTable *table
	FullAt    time.Time
	Path      string
	// Gone is the entry that is left out, as its rule, host and place, if the question is what would be without it; N and Of name it.
	Gone  string
	N, Of string
}

// goneLink is the page about entry n, in the order of policy.Set.All, of the policy with a short digest.
func goneLink(n int, digest string) string {
	return "/policy/whatif?" + url.Values{"gone": {strconv.Itoa(n)}, "of": {digest}}.Encode()
}

// whatIf evaluates the counts with another configuration immediately, and on request the records, as a job.
func (p *Pages) whatIf(w http.ResponseWriter, r *http.Request) {
	cfg := p.Config()
	b := whatIfBody{Path: cfg.Path}
	var then *policy.Set
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("gone"):
		then = b.without(r.URL.Query(), cfg.Set)
	case cfg.Path == "":
		http.Error(w, "the built-in configuration has no file to edit", http.StatusNotFound)
		return
	default:
		then = p.candidate(&b, r, cfg)
	}
	if then != nil {
		p.compareCounts(&b, cfg.Set, then)
		if r.FormValue("full") != "" {
			p.replay(r.Context(), &b, then)
		}
	}
	if b.Running != "" && r.URL.Query().Get("format") != "" {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the log is being read: "+b.Running, http.StatusServiceUnavailable)
		return
	}
	if export(w, r, b.Quick, b.FullTable) {
		return
	}
	refresh := 0
	for _, t := range []*table{b.Quick, b.FullTable} {
		switch {
		case t == nil:
		case b.Gone != "":
			t.page(r.URL)
		default:
			t.cut(r.URL.Path)
		}
	}
	if b.Gone != "" && b.Running != "" {
		refresh = 2 // not for a candidate: a refresh would lose the form
	}
	p.render(w, r, "whatif", "What if", nil, refresh, &b)
}

// without is set without the entry that the URL names; nil, and Wrong, if there is none.
func (b *whatIfBody) without(v url.Values, set *policy.Set) *policy.Set {
	b.N, b.Of = v.Get("gone"), v.Get("of")
	n, err := strconv.Atoi(b.N)
	if err != nil || n < 0 || n >= set.Len() || b.Of != policy.ShortDigest(set.Digest()) {
		b.Wrong = "The policy has changed since this link was made: choose the entry on Policy again."
		return nil
	}
	i := 0
	for info := range set.All() {
		if i == n {
			b.Gone = fmt.Sprintf("%s, rule %s, %s", info.Host, info.Rule, info.Source)
			break
		}
		i++
	}
	return set.Without(n)
}

// candidate is the policy of the configuration that was submitted, or else, on the page to edit it, nil; nil, and Wrong, if it is not valid.
func (p *Pages) candidate(b *whatIfBody, r *http.Request, cfg *config.Config) *policy.Set {
	b.Candidate = r.PostFormValue("candidate")
	if file, _, err := r.FormFile("file"); err == nil {
		defer file.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(file); err == nil && text.Len() > 0 {
			b.Candidate = text.String()
		}
	}
	if strings.TrimSpace(b.Candidate) == "" {
		data, err := smallfile.Read(b.Path, maxForm)
		if err != nil {
			b.Wrong = err.Error()
		}
		b.Candidate = string(data)
		return nil
	}
	select {
	case p.candidates <- struct{}{}: // one at a time: a hostile one takes much memory
		defer func() { <-p.candidates }()
	case <-r.Context().Done():
		b.Wrong = "too many others are evaluated: ask again"
		return nil
	}
	candidate, err := config.LoadCandidate(cfg, []byte(b.Candidate))
	if err != nil {
		b.Wrong = err.Error()
		var problems config.Problems
		if errors.As(err, &problems) {
			var text bytes.Buffer
			problems.Write(&text)
			b.Wrong = text.String()
		}
		return nil
	}
	return candidate.Set
}

// compareCounts compares two policies with the counts of the log.
func (p *Pages) compareCounts(b *whatIfBody, now, then *policy.Set) {
	t := &table{Name: "quick", Empty: "Nothing that is counted would be decided otherwise.", Command: "webproxy audit replay --config CANDIDATE",
		Heads: []head{{"target", "Host", "h"}, {"change", "Change", "w"}, {"requests", "Requests", "n"}, {"clients", "Clients", "c"}, {"last", "Last", "t"}}}
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
	b.Quick = t
}

// A replayed is what is kept of a Replay, which has its policy and the requests that have not ended. Pages only read it.
type replayed struct {
	Requests, Same, NewlyDenied, NewlyAllowed uint64
	changes                                   []*replay.Change
}

// keptReplay is how long the result for a policy is shown again, with its time, without reading the log anew.
const keptReplay = 10 * time.Minute

// mostReplays is about how many policies are evaluated with the records at a time: each has its policy in memory and reads the whole log.
const mostReplays = 4

// replay evaluates the records of the last 30 days with the policy then.
func (p *Pages) replay(ctx context.Context, b *whatIfBody, then *policy.Set) {
	name := "replay " + then.Digest()
	if s := p.Jobs.State(name); !s.Running && (s.Ended.IsZero() || time.Since(s.Ended) >= keptReplay) && p.replays.Load() >= mostReplays {
		b.Wrong = "the log is being read for other policies: ask again"
		return
	}
	state := p.lookUpWithin(ctx, keptReplay, name, func(ctx context.Context, progress *audit.Progress) (any, error) {
		p.replays.Add(1)
		defer p.replays.Add(-1)
		out := replay.New(then)
		_, err := audit.Scan(p.Audit.Dir, audit.ScanOptions{Since: time.Now().AddDate(0, 0, -30), Progress: progress}, func(r audit.Record) error {
			out.Add(&r)
			return ctx.Err()
		})
		changes := out.Finish()
		return &replayed{out.Requests, out.Same, out.NewlyDenied, out.NewlyAllowed, changes}, err
	})
	if state.Running {
		b.Running = fmt.Sprintf("%.0f %%", 100*state.Part)
		return
	}
	if state.Err != nil {
		b.Wrong = state.Err.Error()
		return
	}
	result, ok := state.Result.(*replayed)
	if !ok {
		b.Wrong = "too many other results came meanwhile: ask again"
		return
	}
	b.Full, b.FullAt = result, state.Ended
	t := &table{Name: "full", Empty: "Nothing would be decided otherwise.", Command: "webproxy audit replay --config CANDIDATE --since 30d",
		Heads: []head{{"target", "Host", "h"}, {"was", "Was", "w"}, {"is", "Is", "w"}, {"requests", "Requests", "n"}, {"client", "Client", "c"}, {"last", "Last", "t"}}}
	for i, c := range result.changes {
		t.Rows = append(t.Rows, row{fmt.Sprintf("%08d", i), []cell{text(target(c.Host, c.Port)), {Text: strings.TrimSpace(string(c.Was.Decision) + " " + c.Was.Rule), Class: string(c.Was.Decision)},
			{Text: strings.TrimSpace(string(c.Is.Decision) + " " + cmp.Or(c.Is.Rule, c.Is.Reason)), Class: string(c.Is.Decision)}, number(c.Requests), text(audit.AddrText(c.Client)), moment(c.Last)}})
	}
	b.FullTable = t
}
