package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"webproxy/audit"
	"webproxy/internal/account"
)

// Loopback does not identify a person: two administrators may share a server, and a record must name one. So changes need a session. It
// begins with a password, or with a link that works once and that users who may open the admin socket can get.
// From other machines, reading needs a session and TLS too.

const (
	// linkEnds is how long a link is valid, maxLinks how many there can be.
	linkEnds = 2 * time.Minute
	maxLinks = 32
)

// Links are links that log a user in once. The zero Links is ready for use. It is safe for concurrent use.
type Links struct {
	mu   sync.Mutex // guards open
	open map[string]link
}

type link struct {
	user string
	ends time.Time
}

// ErrManyLinks means that too many links are unused.
var ErrManyLinks = errors.New("too many unused links; try again in two minutes")

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

// Use returns the user of a link, once; empty if it is not valid.
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

// newGuesses limits attempts to use a link: 128 bits cannot be guessed, but attempts should not be free.
func newGuesses() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Second), 10) }

// newFailureRecords limits the records of failed logins: the rest are counted.
func newFailureRecords() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Minute), 30) }

// A person is who makes a request.
type person struct {
	Name string // empty if not logged in
	Role account.Role
}

// May reports whether the person may make changes.
func (x person) May() bool { return x.Role == account.Approver }

// person is who makes r. A user who was removed, or has a new password or role since, is not logged in.
func (p *Pages) person(r *http.Request) person {
	name, stamp := p.sessions.GetString(r.Context(), userKey), p.sessions.GetString(r.Context(), stampKey)
	switch {
	case name == "":
		return person{}
	case stamp == linkStamp:
		return person{name, account.Approver}
	case p.Users == nil:
		return person{}
	}
	u, ok := p.Users.User(name)
	if !ok || u.Stamp() != stamp {
		return person{}
	}
	return person{u.Name, u.Role}
}

// isLocal reports whether the request came from this machine, and not through another proxy on it: a session must not
// cross a network without TLS.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	if remote.Addr().Unmap().IsLoopback() {
		return true
	}
	// Nobody else can have the address that was connected to.
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return local != nil && remote.Addr().Unmap() == local.AddrPort().Addr().Unmap()
}

// from is the address of the client.
func from(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr().Unmap()
}

const noTLS = `The dashboard is for this machine alone: dashboard.listen has no TLS, and what crosses a network without it is read there.

To look at it from elsewhere, one of these:
  - set dashboard.cert and dashboard.key, and add people:  webproxy dashboard user add NAME --role reader
  - ssh -L 9091:127.0.0.1:9091 the machine where the proxy runs, and open http://127.0.0.1:9091

/healthz, /readyz and /metrics answer here all the same.
`

// isolated refuses requests from pages of other origins, except navigation; http.CrossOriginProtection handles
// forms.
func isolated(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if origin := r.Header.Get("Origin"); site == "" && origin != "" { // an old browser
		u, err := url.Parse(origin)
		return err == nil && u.Host == r.Host
	}
	return site == "" || site == "same-origin" || site == "none" ||
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// admit calls next for clients that may read: this machine, and users logged in by TLS. The context has the session.
func (p *Pages) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free := r.URL.Path == "/login" || strings.HasPrefix(r.URL.Path, "/login/")
		switch {
		case isLocal(r):
		case r.TLS == nil:
			http.Error(w, noTLS, http.StatusForbidden)
			return
		case free || p.person(r).Name != "":
		case r.URL.Path == "/live/events" || r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "the session has ended; log in again", http.StatusForbidden)
			return
		default:
			http.Redirect(w, r, "/login?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admitStream is admit for a stream: it ends with the session, which it does not keep alive.
func (p *Pages) admitStream(next http.Handler) http.Handler {
	admitted := p.admit(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := ""
		if c, err := r.Cookie(p.sessions.Cookie.Name); err == nil {
			token = c.Value
		}
		ctx, err := p.sessions.Load(r.Context(), token)
		if err != nil {
			http.Error(w, "session: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		admitted.ServeHTTP(w, r.WithContext(context.WithValue(ctx, tokenKey{}, token)))
	})
}

type tokenKey struct{}

// stillAdmitted reports whether the stream of r may continue.
func (p *Pages) stillAdmitted(r *http.Request) bool {
	if isLocal(r) {
		return true
	}
	token, _ := r.Context().Value(tokenKey{}).(string)
	ctx, err := p.sessions.Load(context.WithoutCancel(r.Context()), token)
	return err == nil && p.person(r.WithContext(ctx)).Name != ""
}

// stranger reports whether the client of r may see only the login.
func (p *Pages) stranger(r *http.Request) bool { return !isLocal(r) && p.person(r).Name == "" }

// A loginBody is the login page.
type loginBody struct {
	Token string
	Wrong string
	Next  string
	Name  string
	Local bool
	Users bool // there are users with passwords
}

func (p *Pages) showLogin(w http.ResponseWriter, r *http.Request, status int, b loginBody) {
	b.Local, b.Users = isLocal(r), p.Users != nil && p.Users.Len() > 0
	b.Next = nextPath(b.Next)
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	p.render(w, r, "login", "Log in", nil, 0, &b)
}

// nextPath is where to go after a login, on this server.
func nextPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") ||
		strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' }) || // browsers escape non-ASCII characters

		strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/login") || len(s) > 2000 {
		return "/"
	}
	return s
}

// login shows a button: a mail scanner that opens a link must not use it up.
func (p *Pages) login(w http.ResponseWriter, r *http.Request) {
	p.showLogin(w, r, http.StatusOK, loginBody{Token: r.PathValue("token"), Next: r.URL.Query().Get("next")})
}

// loggedIn handles a login by link or by password.
func (p *Pages) loggedIn(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("token") == "" {
		p.byPassword(w, r)
		return
	}
	if !p.guesses.Allow() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many logins are tried; wait a few seconds", http.StatusTooManyRequests)
		return
	}
	user := p.Links.Use(r.PostFormValue("token"), time.Now())
	if user == "" {
		p.recordFailure(r, "", "the link was used, or is older than two minutes")
		p.showLogin(w, r, http.StatusForbidden, loginBody{Wrong: "this link was used, or is older than two minutes"})
		return
	}
	p.begin(w, r, user, linkStamp, "with a link, as approver", "/")
}

// byPassword logs a user in by name and password.
func (p *Pages) byPassword(w http.ResponseWriter, r *http.Request) {
	name, password, next := strings.TrimSpace(r.PostFormValue("user")), r.PostFormValue("password"), r.PostFormValue("next")
	b := loginBody{Name: name, Next: next}
	if p.Users == nil || name == "" || password == "" || len(name) > 64 {
		b.Name, b.Wrong = "", "Give a name and a password."
		p.showLogin(w, r, http.StatusUnprocessableEntity, b)
		return
	}
	addr := from(r)
	if wait, locked := p.guard.Try(name, addr, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		b.Wrong = fmt.Sprintf("Too many logins were tried. Try again in %s.", inWords(wait))
		if locked {
			b.Wrong = fmt.Sprintf("Locked out after too many wrong passwords, for this user at this address. Try again in %s, or log in where the proxy runs with webproxy dashboard open.", inWords(wait))
		}
		p.showLogin(w, r, http.StatusTooManyRequests, b)
		return
	}
	var user *account.User
	if u, ok := p.Users.User(name); ok {
		user = &u
	}
	right, err := p.verifier.Verify(r.Context(), user, password, addr)
	switch {
	case errors.Is(err, account.ErrBusy):
		w.Header().Set("Retry-After", "3")
		b.Wrong = "Too many logins are tried just now. Try again in a few seconds."
		p.showLogin(w, r, http.StatusServiceUnavailable, b)
		return
	case err != nil:
		http.Error(w, "login: "+err.Error(), http.StatusInternalServerError)
		return
	case !right:
		known := ""
		if user != nil { // otherwise the name may be a password in the wrong field
			known = user.Name
		}
		p.recordFailure(r, known, "wrong password")
		if p.guard.Failed(name, addr, time.Now()) {
			p.record(&audit.Record{Type: audit.TypeLockout, Client: addr,
				Detail: fmt.Sprintf("%s is locked out of the dashboard for 15m0s at this address: too many wrong passwords", cmp.Or(known, "an unknown user"))})
		}
		b.Wrong = "The name or the password is wrong."
		p.showLogin(w, r, http.StatusForbidden, b)
		return
	}
	p.guard.Passed(name, addr, time.Now())
	p.begin(w, r, user.Name, user.Stamp(), "with a password, as "+string(user.Role), nextPath(next))
}

// inWords is a time to wait.
func inWords(d time.Duration) string {
	if d > 2*time.Minute {
		return fmt.Sprintf("%d minutes", int(math.Ceil(d.Minutes())))
	}
	return fmt.Sprintf("%d s", int(math.Ceil(d.Seconds())))
}

// begin begins a session and redirects to next.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request, user, stamp, how, next string) {
	if err := p.sessions.RenewToken(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.sessions.Put(r.Context(), userKey, user)
	p.sessions.Put(r.Context(), stampKey, stamp)
	p.record(&audit.Record{Type: audit.TypeLogin, By: user, Client: from(r), Detail: "logged in to the dashboard " + how})
	p.done(w, r, next, "You are logged in as "+user+".")
}

func (p *Pages) logout(w http.ResponseWriter, r *http.Request) {
	user := p.sessions.GetString(r.Context(), userKey)
	if err := p.sessions.Destroy(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if user != "" {
		p.record(&audit.Record{Type: audit.TypeLogout, By: user, Client: from(r), Detail: "logged out of the dashboard"})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *Pages) record(r *audit.Record) {
	if p.Record != nil {
		p.Record(r)
	}
}

// recordFailure records a failed login, or counts it if there were many. known is the user, empty if there is no such
// user.
func (p *Pages) recordFailure(r *http.Request, known, why string) {
	p.failing.Lock()
	if !p.failures.Allow() {
		p.unrecorded++
		p.failing.Unlock()
		return
	}
	more := ""
	if p.unrecorded > 0 {
		more = fmt.Sprintf("; %d more since the last such record", p.unrecorded)
		p.unrecorded = 0
	}
	p.failing.Unlock()
	who := "of an unknown user"
	if known != "" {
		who = "of " + known
	}
	p.record(&audit.Record{Type: audit.TypeLoginFailed, Client: from(r), Detail: "a login " + who + " to the dashboard failed: " + why + more})
}

// done redirects to a page that shows text once.
func (p *Pages) done(w http.ResponseWriter, r *http.Request, path, text string) {
	p.sessions.Put(r.Context(), flashKey, text)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// by is a handler that requires a logged-in approver.
func (p *Pages) by(h func(w http.ResponseWriter, r *http.Request, user string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch v := p.person(r); {
		case v.May():
			h(w, r, v.Name)
		case v.Name != "":
			w.WriteHeader(http.StatusForbidden)
			p.render(w, r, "refused", "Not permitted", nil, 0, v.Name+" is a reader: a reader sees everything and changes nothing. Nothing was changed.")
		default:
			p.showLogin(w, r, http.StatusForbidden, loginBody{
				Wrong: "To change something you must be logged in: a record names who did it. Nothing was changed."})
		}
	}
}
