package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/audit/report"
	"webproxy/live"
	"webproxy/review"
)

// A reportsBody is the page for auditors.
type reportsBody struct {
	Months  []monthLink
	Verify  *audit.Verification
	Ended   string
	Running string
	Wrong   string
	System  *table
	Cmd     string
}

type monthLink struct{ Month, Path string }

// VerifyJob is the name of the job of Pages.Jobs whose result is the last *audit.Verification.
const VerifyJob = "verify"

func (p *Pages) reports(w http.ResponseWriter, r *http.Request) {
	b := reportsBody{Cmd: "webproxy audit verify"}
	state := p.Jobs.State(VerifyJob)
	if v, ok := state.Result.(*audit.Verification); ok {
		b.Verify, b.Ended = v, moment(state.Ended).Text
	}
	if state.Err != nil {
		b.Wrong = state.Err.Error()
	}
	if state.Running {
		b.Running = fmt.Sprintf("verifying: %.0f %%", 100*state.Part)
	}
	b.System = &table{Name: "system", Empty: "None yet.", Command: "webproxy audit query 'type = system.*'",
		Heads: []head{{"ts", "Time", "t"}, {"type", "What", ""}, {"detail", "Detail", "h"}, {"seq", "Seq", "n"}}}
	p.Live.View(func(v *live.View) {
		if span := v.Total.Span(); !span.First.IsZero() {
			for m := month(span.Last); !m.Before(month(span.First)) && len(b.Months) < 36; m = m.AddDate(0, -1, 0) {
				b.Months = append(b.Months, monthLink{m.Format("2006-01"), "/reports/" + m.Format("2006-01")})
			}
		}
		for i := len(v.System) - 1; i >= 0; i-- {
			s := &v.System[i]
			b.System.Rows = append(b.System.Rows, row{fmt.Sprintf("%020d", ^s.Seq), []cell{moment(s.Time), text(strings.TrimPrefix(string(s.Type), "system.")), text(s.Detail), number(s.Seq)}})
		}
	})
	if export(w, r, b.System) {
		return
	}
	b.System.page(r.URL)
	p.render(w, r, "reports", "Reports and integrity", nil, map[bool]int{true: 2}[state.Running], &b)
}

func month(t time.Time) time.Time {
	return time.Date(t.UTC().Year(), t.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
}

// verify has the log verified.
func (p *Pages) verify(w http.ResponseWriter, r *http.Request) {
	p.lookUpAnew(r.Context(), VerifyJob, func(ctx context.Context, progress *audit.Progress) (any, error) {
		key, err := audit.ReadPublicKey(audit.PublicKeyFile(p.Audit.Key))
		if err != nil {
			return nil, err
		}
		v, err := audit.Verify(ctx, p.Audit.Dir, audit.VerifyOptions{Keys: []string{key}, Anchor: p.Audit.Anchor, Head: audit.HeadFile(p.Audit.Key), Progress: progress})
		if err == nil && p.Verified != nil {
			p.Verified(v, time.Now())
		}
		return v, err
	})
	http.Redirect(w, r, "/reports", http.StatusSeeOther)
}

// lastVerify is the last result, for the overview.
func (p *Pages) lastVerify(now time.Time) (text string, ok bool, at string) {
	state := p.Jobs.State(VerifyJob)
	v, done := state.Result.(*audit.Verification)
	switch {
	case state.Running:
		return fmt.Sprintf("verifying: %.0f %%", 100*state.Part), false, ""
	case state.Err != nil:
		return "could not be verified: " + state.Err.Error(), false, ago(now.Sub(state.Ended))
	case !done:
		return "not verified yet", false, ""
	}
	return v.String(), v.OK(), ago(now.Sub(state.Ended))
}

// report writes the report of a month, or its progress.
func (p *Pages) report(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("month")
	since, err := time.Parse("2006-01", name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	cfg := p.Config()
	state := p.lookUp(r.Context(), "report "+name, func(ctx context.Context, progress *audit.Progress) (any, error) {
		o := report.Options{Since: since, Until: since.AddDate(0, 1, 0), Rules: cfg.Set.Rules(), Findings: review.Remarks(cfg, time.Now()), Progress: progress, Site: p.Audit.Site}
		if v, ok := p.Jobs.State(VerifyJob).Result.(*audit.Verification); ok {
			o.Integrity, o.Broken = v.String()+"; verified "+moment(p.Jobs.State(VerifyJob).Ended).Text+" UTC", !v.OK()
		}
		made, err := report.Make(p.Audit.Dir, o)
		if err != nil {
			return nil, err
		}
		var page bytes.Buffer
		err = made.WriteHTML(&page)
		return page.Bytes(), err
	})
	page, ok := state.Result.([]byte)
	if state.Running || !ok {
		b := reportsBody{}
		if state.Running {
			b.Running = fmt.Sprintf("making the report: %.0f %%", 100*state.Part)
		} else if state.Err != nil {
			b.Wrong = state.Err.Error()
		}
		p.render(w, r, "making", "Report of "+name, nil, map[bool]int{true: 1}[state.Running], &b)
		return
	}
	// The page has an inline style, permitted by its hash, and nothing else.
	w.Header().Set("Content-Security-Policy", report.PolicyOfContent()+"; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page)
}
