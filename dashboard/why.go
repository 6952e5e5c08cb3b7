package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/review"
)

// A whyBody is the page for the search box of every page.
type whyBody struct {
	Asked, Client string
	Text          string // the text of the command
	Command       string
	Wrong         string
	Running       string
	Notes         []string
}

var idPattern = regexp.MustCompile(`^[0-9A-Za-z]{6,13}$`)

// why explains a recorded request, by its id, or a possible one, by its URL.
func (p *Pages) why(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	b := whyBody{Asked: strings.TrimSpace(v.Get("q")), Client: strings.TrimSpace(v.Get("client"))}
	switch {
	case b.Asked == "":
	case len(b.Asked) > 4096:
		b.Asked, b.Wrong = b.Asked[:100], "that is longer than an address can be"
	case idPattern.MatchString(b.Asked):
		p.whyRecorded(r.Context(), &b)
	default:
		p.explain(&b)
	}
	p.render(w, r, "why", "Why", nil, map[bool]int{true: 1}[b.Running != ""], &b)
}

// explain evaluates a request that was not made.
func (p *Pages) explain(b *whyBody) {
	cfg := p.Config()
	b.Command = "webproxy explain " + shellQuote(b.Asked)
	if b.Client != "" {
		b.Command += " --client " + shellQuote(b.Client)
	}
	from, err := review.ClientAddr(cfg.Set, b.Client)
	var req policy.Request
	if err == nil {
		req, err = policy.NewRequest(from, "", b.Asked, time.Now())
	}
	if err != nil {
		b.Wrong = err.Error()
		return
	}
	x := cfg.Live.Explain(&req)
	b.Text = review.ExplainText(&x, &req, review.Remedies(cfg, &x, ""), review.ListedIn(cfg, &x))
}

// whyBack is how far back the log is searched for what a fix would let through, as in the command.
const whyBack = setting.Duration(14 * 24 * time.Hour)

// whyRecorded explains a recorded request: first the decision, then, when that has been read, what else a fix would let
// through.
func (p *Pages) whyRecorded(ctx context.Context, b *whyBody) {
	ctx, cancel := context.WithTimeout(ctx, soon) // for both steps together
	defer cancel()
	id := strings.ToUpper(b.Asked)
	b.Command = "webproxy why " + id
	type answer struct {
		found review.Found
		text  string
		notes []string
	}
	state := p.lookUp(ctx, "why "+id, func(ctx context.Context, _ *audit.Progress) (any, error) {
		var g reading
		public, err := audit.ReadPublicKey(audit.PublicKeyFile(p.Audit.Key))
		if err != nil {
			public = "" // then all of the log is read
		}
		found, stats, err := review.FindID(p.Audit.Dir, public, id, time.Time{}, g.watch)
		if errors.Is(err, review.ErrNotFound) {
			err = fmt.Errorf("no such decision among %s records", comma(stats.Records))
		}
		if err != nil {
			return nil, err
		}
		why := review.Why{Config: p.Config(), Dir: p.Audit.Dir, Found: found, Back: setting.Off}
		var text bytes.Buffer
		_, err = why.Write(&text)
		return &answer{found, text.String(), g.incomplete}, err
	})
	a, _ := state.Result.(*answer)
	switch {
	case state.Running:
		b.Running = "searching the log"
		return
	case state.Err != nil:
		b.Wrong = state.Err.Error()
		return
	case a == nil:
		return
	}
	b.Text, b.Notes = a.text, a.notes
	state = p.lookUp(ctx, "safe "+id, func(ctx context.Context, _ *audit.Progress) (any, error) {
		var g reading
		why := review.Why{Config: p.Config(), Dir: p.Audit.Dir, Found: a.found, Back: whyBack, Watch: g.watch}
		var text bytes.Buffer
		_, err := why.Write(&text)
		return &answer{text: text.String(), notes: g.incomplete}, err
	})
	switch full, _ := state.Result.(*answer); {
	case state.Running:
		b.Running = "reading what else the fix would let through"
	case state.Err != nil:
		b.Wrong = state.Err.Error()
	case full != nil:
		b.Text, b.Notes = full.text, slices.Concat(a.notes, full.notes)
	}
}
