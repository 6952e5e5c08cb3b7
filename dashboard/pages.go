package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/time/rate"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/account"
	"webproxy/internal/pagestyle"
	"webproxy/internal/svg"
	"webproxy/internal/wording"
	"webproxy/jobs"
	"webproxy/live"
	"webproxy/review"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/app.js
var script []byte

// Pages are the screens of the dashboard. Its fields are set before Handler is called.
type Pages struct {
	// Config is the configuration in force.
	Config func() *config.Config
	// Audit is the configuration of the log, as of the start.
	Audit audit.Options
	Live  *live.Follower
	Feed  *live.Feed
	Jobs  *jobs.Runner
	// Status is the state that /readyz reports.
	Status *Status
	// Usage is the disk space of the log. Trouble describes problems with recording, in sentences. Receivers are where the
	// log is sent. None of these waits for a disk. They may be nil.
	Usage     func() audit.Usage
	Trouble   func() []string
	Refusing  func() bool // every request is refused, because none can be recorded
	Receivers func() []Receiver
	Version   string
	// Users may log in with a password; nil for nobody. TLS says that the pages are served by TLS, so that people may
	// log in from other machines. Without it all pages are for this machine only.
	Users *account.Book
	TLS   bool
	// Links are links that log a user in. Record writes an audit record about an action; nil if there is no log.
	Links  Links
	Record func(*audit.Record)
	// Verified keeps the result of a verification for the next start. It may be nil.
	Verified func(*audit.Verification, time.Time)

	pages    *template.Template
	sessions *scs.SessionManager
	guesses  *rate.Limiter
	verifier account.Verifier
	guard    account.Guard

	candidates chan struct{} // has an element while a candidate is loaded
	replays    atomic.Int32  // of policies, that run

	failing    sync.Mutex // guards the next fields
	failures   *rate.Limiter
	unrecorded int // failures since the last recorded one

	writing   sync.Mutex // held during every change; guards the next fields
	answers   []answer   // the last, the oldest first
	forgotten time.Time  // the time of the last answer that was dropped from answers
}

// A Receiver is a receiver of the shipped log.
type Receiver struct {
	Name       string
	LagRecords int64
	Lag        time.Duration
	Errors     int64
}

// policyOfContent is the Content-Security-Policy of the pages: nothing from other origins, nothing inline.
const policyOfContent = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler serves all screens.
func (p *Pages) Handler() (http.Handler, error) {
	var err error
	p.pages, err = template.New("pages").Funcs(template.FuncMap{
		"comma": comma,
		"time":  func(t time.Time) string { return moment(t).Text },
		"ago":   ago,
		"show":  audit.Printable,
		"soft":  func(s string) []string { return softly(audit.Printable(s)) },
		"join":  strings.Join,
	}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	if _, err := p.pages.Parse(svg.Templates); err != nil {
		return nil, err
	}
	p.candidates = make(chan struct{}, 1)
	p.sessions, p.guesses, p.failures = newSessions(p.TLS), newGuesses(), newFailureRecords()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("GET /login/{token}", p.login)
	mux.HandleFunc("POST /login", p.loggedIn)
	mux.HandleFunc("POST /logout", p.logout)
	mux.HandleFunc("GET /decide", p.decide)
	mux.HandleFunc("POST /decide", p.by(p.decided))
	mux.HandleFunc("GET /proposal", p.proposal)
	mux.HandleFunc("POST /proposal", p.by(p.answered))
	mux.HandleFunc("POST /phase", p.by(p.phase))
	mux.HandleFunc("POST /mode", p.by(p.mode))
	mux.HandleFunc("GET /{$}", p.overview)
	mux.HandleFunc("GET /live", p.live)
	mux.HandleFunc("GET /live/events", p.events)
	mux.HandleFunc("GET /denied", p.denied)
	mux.HandleFunc("GET /policy", p.policy)
	mux.HandleFunc("POST /policy/whatif", p.whatIf)
	mux.HandleFunc("GET /policy/whatif", p.whatIf)
	mux.HandleFunc("GET /clients", p.clients)
	mux.HandleFunc("GET /decisions", p.decisions)
	mux.HandleFunc("GET /reports", p.reports)
	mux.HandleFunc("GET /reports/{month}", p.report)
	mux.HandleFunc("POST /reports/verify", p.verify)
	mux.HandleFunc("GET /why", p.why)
	mux.HandleFunc("GET /learn", p.learn)
	mux.HandleFunc("POST /learn/read", p.learnRead)
	mux.HandleFunc("GET /style.css", asset("text/css; charset=utf-8", []byte(pagestyle.CSS)))
	mux.HandleFunc("GET /app.js", asset("text/javascript; charset=utf-8", script))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	p.sessions.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, "session: "+err.Error(), http.StatusServiceUnavailable)
	}
	pages := p.sessions.LoadAndSave(p.admit(wholeForm(mux)))
	guard := http.NewCrossOriginProtection()
	return guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Del("Content-Type")
		h.Set("Content-Security-Policy", policyOfContent)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		switch r.URL.Path {
		case "/style.css", "/app.js", "/favicon.ico": // the same for everybody
			mux.ServeHTTP(w, r)
			return
		}
		if !isolated(r) {
			http.Error(w, "a page of another origin asks for this", http.StatusForbidden)
			return
		}
		if r.URL.Path == "/live/events" { // a stream does not keep a session alive
			p.admitStream(mux).ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})), nil
}

// maxForm bounds a submitted form, in bytes.
const maxForm = 4 << 20

// wholeForm refuses forms that are too large or malformed: a part of one is not what somebody has submitted.
func wholeForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if r.Method == http.MethodPost {
			if err = r.ParseForm(); err == nil {
				err = r.ParseMultipartForm(maxForm)
			}
		}
		var large *http.MaxBytesError
		switch {
		case err == nil, errors.Is(err, http.ErrNotMultipart):
			next.ServeHTTP(w, r)
		case errors.As(err, &large):
			http.Error(w, fmt.Sprintf("the form is larger than %d MiB; nothing was changed", maxForm>>20), http.StatusRequestEntityTooLarge)
		default:
			http.Error(w, "the form cannot be read; nothing was changed: "+err.Error(), http.StatusBadRequest)
		}
	})
}

func asset(kind string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Write(data)
	}
}

// A screen has the parts that all pages share.
type screen struct {
	Title   string
	Nav     []navItem
	Site    string
	Refresh int // seconds; 0 for never
	Why     string
	Version string
	Person  person // who is logged in
	LogIn   string // where to log in, to come back here
	Bare    bool   // without navigation, for visitors who may see only this page
	Flash   string // the result of the last action

	AsOf     string
	Counting string // progress of counting the log; empty when done
	Still    string // why the figures are not updated; empty if they are
	Filter   *filter
	Body     any
}

type navItem struct {
	Path, Title string
	Here        bool
}

// render writes a page: the template name, with body.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, name, title string, f *filter, refresh int, body any) {
	s := screen{Title: title, Refresh: refresh, Filter: f, Body: body, Site: p.Audit.Site, Version: p.Version}
	for _, n := range []navItem{
		{Path: "/", Title: "Overview"}, {Path: "/live", Title: "Live"}, {Path: "/denied", Title: "Denied"}, {Path: "/learn", Title: "Learn"},
		{Path: "/policy", Title: "Policy"}, {Path: "/clients", Title: "Clients"}, {Path: "/decisions", Title: "Decisions"}, {Path: "/reports", Title: "Reports"},
	} {
		n.Here = n.Path == r.URL.Path || n.Path != "/" && strings.HasPrefix(r.URL.Path, n.Path+"/")
		s.Nav = append(s.Nav, n)
	}
	if r.URL.Path == "/why" {
		s.Why = r.URL.Query().Get("q")
	}
	s.LogIn = "/login"
	if r.Method == http.MethodGet && r.URL.Path != "/login" && r.URL.Path != "/" {
		s.LogIn += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	s.Person, s.Flash, s.Bare = p.person(r), p.sessions.PopString(r.Context(), flashKey), p.stranger(r)
	if s.Bare {
		s.Nav, s.Site, s.Version = nil, "", ""
	} else {
		p.figures(&s)
	}
	if r.Method != http.MethodGet {
		s.Refresh = 0 // a refresh would not send the form again
	}
	var b bytes.Buffer
	if err := p.pages.ExecuteTemplate(&b, name, &s); err != nil {
		http.Error(w, "page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

// figures says how old the figures are, and what is wrong with them.
func (p *Pages) figures(s *screen) {
	now := time.Now()
	p.Live.View(func(v *live.View) {
		switch {
		case !v.Counted:
			s.Counting = fmt.Sprintf("counting the log: %.0f %%", 100*p.Live.Progress())
		case v.Err != nil:
			s.Still = "the log cannot be followed: " + v.Err.Error()
		}
		s.AsOf = "figures as of now"
		if !v.LastTime.IsZero() {
			s.AsOf = fmt.Sprintf("figures as of now; the last record is seq %d, %s", v.LastSeq, ago(now.Sub(v.LastTime)))
		}
		if v.Bad+v.Unreadable > 0 {
			s.AsOf += fmt.Sprintf("; %d lines are no records", v.Bad+v.Unreadable)
		}
		if v.Missing > 0 {
			s.AsOf += fmt.Sprintf("; %d records are missing", v.Missing)
		}
		if v.Total.Overflow()+v.Day.Overflow > 0 {
			s.AsOf += "; there are more kinds of requests than are told apart, see (others)"
		}
	})
	if s.Counting != "" && s.Refresh == 0 {
		s.Refresh = 3
	}
}

// soon is how long a page waits for a job. Then it shows the progress instead, and refreshes.
const soon = 60 * time.Millisecond

// fresh is how long a result is reused: a page that waited for it requests it once more.
const fresh = 10 * time.Second

// lookUp runs a job, unless it runs already or has just ended, and waits for it at most soon.
func (p *Pages) lookUp(ctx context.Context, name string, fn func(context.Context, *audit.Progress) (any, error)) jobs.State {
	return p.lookUpWithin(ctx, fresh, name, fn)
}

// lookUpWithin is lookUp for a result that is reused so long.
func (p *Pages) lookUpWithin(ctx context.Context, reused time.Duration, name string, fn func(context.Context, *audit.Progress) (any, error)) jobs.State {
	if s := p.Jobs.State(name); !s.Running && !s.Ended.IsZero() && time.Since(s.Ended) < reused {
		return s
	}
	return p.lookUpAnew(ctx, name, fn)
}

// lookUpAnew is lookUp without reuse of a result.
func (p *Pages) lookUpAnew(ctx context.Context, name string, fn func(context.Context, *audit.Progress) (any, error)) jobs.State {
	if err := p.Jobs.Start(name, fn); err != nil && err != jobs.ErrRunning {
		return jobs.State{Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	return p.Jobs.Wait(ctx, name)
}

// A reading collects what could not be read of the log, for the page.
type reading struct {
	mu         sync.Mutex // guards incomplete
	incomplete []string
}

// watch is for package review.
func (g *reading) watch(string, *audit.Progress) func(*audit.Stats) {
	return func(s *audit.Stats) {
		if text := s.Incomplete(); text != "" {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.incomplete = append(g.incomplete, text)
		}
	}
}

var _ review.Watch = (*reading)(nil).watch

func comma(n any) string {
	switch n := n.(type) {
	case int:
		return wording.Comma(uint64(max(n, 0)))
	case int64:
		return wording.Comma(uint64(max(n, 0)))
	case uint64:
		return wording.Comma(n)
	}
	return fmt.Sprint(n)
}

// ago is a time in the past, relative to now, for people.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
