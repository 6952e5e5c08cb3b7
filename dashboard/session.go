package dashboard

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"golang.org/x/time/rate"
)

// Loopback is not a person: two administrators share a server, and a record must name one. So writing needs a session,
// which begins with a link that works once, and that a user of this machine is given who may ask the admin socket.

const (
	sessionIdle = 30 * time.Minute
	sessionEnds = 8 * time.Hour
	// linkEnds is for how long a link can be used, maxLinks how many there can be.
	linkEnds = 2 * time.Minute
	maxLinks = 32

	userKey  = "user"
	flashKey = "flash"
)

func newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = memstore.NewWithCleanupInterval(0) // no goroutine; a session is there only after a login
	m.Lifetime, m.IdleTimeout = sessionEnds, sessionIdle
	m.Cookie.Name, m.Cookie.Path = "webproxy", "/"
	m.Cookie.HttpOnly, m.Cookie.SameSite = true, http.SameSiteStrictMode
	m.Cookie.Persist = false
	return m
}

// Links are those that log somebody in once. The zero Links is ready for use. It is safe for concurrent use.
type Links struct {
	mu   sync.Mutex // guards open
	open map[string]link
}

type link struct {
	user string
	ends time.Time
}

// ErrManyLinks says that too many links wait for use.
var ErrManyLinks = errors.New("too many links wait for use; try again in two minutes")

// New makes a link for a user, and returns its path.
func (l *Links) New(user string, now time.Time) (path string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for token, k := range l.open {
		if now.After(k.ends) {
			delete(l.open, token)
		}
	}
	if len(l.open) >= maxLinks {
		return "", ErrManyLinks
	}
	if l.open == nil {
		l.open = map[string]link{}
	}
	token := rand.Text()
	l.open[token] = link{user, now.Add(linkEnds)}
	return "/login/" + token, nil
}

// Use returns whose link it is, once; empty if it is none.
func (l *Links) Use(token string, now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.open[token]
	delete(l.open, token)
	if !ok || now.After(k.ends) {
		return ""
	}
	return k.user
}

// newGuesses bounds how often somebody can try a link: 128 bits are not guessed, but trying need not be free.
func newGuesses() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Second), 10) }

// A loginBody is the page on which somebody logs in.
type loginBody struct {
	Token string
	Wrong string
	Back  string
}

// login shows a button: a link that is looked at by a mail scanner must not be used up.
func (p *Pages) login(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, "login", "Log in", nil, 0, &loginBody{Token: r.PathValue("token")})
}

// loggedIn uses a link up.
func (p *Pages) loggedIn(w http.ResponseWriter, r *http.Request) {
	if !p.guesses.Allow() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many logins are tried; wait a few seconds", http.StatusTooManyRequests)
		return
	}
	if !isLocal(r) {
		http.Error(w, notLocal, http.StatusForbidden)
		return
	}
	user := p.Links.Use(r.PostFormValue("token"), time.Now())
	if user == "" {
		w.WriteHeader(http.StatusForbidden)
		p.render(w, r, "login", "Log in", nil, 0, &loginBody{Wrong: "this link was used, or is older than two minutes"})
		return
	}
	if err := p.sessions.RenewToken(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.sessions.Put(r.Context(), userKey, user)
	p.done(w, r, "/", "You are logged in as "+user+".")
}

func (p *Pages) logout(w http.ResponseWriter, r *http.Request) {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// user is who is logged in; empty if nobody.
func (p *Pages) user(r *http.Request) string { return p.sessions.GetString(r.Context(), userKey) }

const notLocal = "the dashboard has no TLS: log in and change things on the machine where the proxy runs"

// isLocal reports whether the request came from this machine: what goes over a network without TLS is read there, and
// with it the session.
func isLocal(r *http.Request) bool {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// done leads on to a page, which says text once.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, path, text string) {
	p.sessions.Put(r.Context(), flashKey, text)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// by is a handler that needs somebody who is logged in.
func (p *Pages) by(h func(w http.ResponseWriter, r *http.Request, user string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := p.user(r)
		if !isLocal(r) {
			http.Error(w, notLocal, http.StatusForbidden)
			return
		}
		if user == "" {
			w.WriteHeader(http.StatusForbidden)
			p.render(w, r, "login", "Log in", nil, 0, &loginBody{Wrong: "To change something you must be logged in: a record names who did it. Nothing was changed."})
			return
		}
		h(w, r, user)
	}
}
