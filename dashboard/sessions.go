package dashboard

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

const (
	sessionIdle = 30 * time.Minute
	sessionEnds = 8 * time.Hour
	// maxSessions bounds all sessions, userSessions those of one user.
	maxSessions  = 1024
	userSessions = 16

	userKey  = "user"
	stampKey = "stamp" // of the user with a password; linkStamp after a login by link
	flashKey = "flash"

	linkStamp = "link"
)

// newSessions manages sessions for an address with or without TLS.
func newSessions(tls bool) *scs.SessionManager {
	m := scs.New()
	m.Store, m.HashTokenInStore = &sessionStore{codec: m.Codec}, true
	m.Lifetime, m.IdleTimeout = sessionEnds, sessionIdle
	m.Cookie.Name, m.Cookie.Path = "webproxy", "/"
	m.Cookie.HttpOnly, m.Cookie.SameSite = true, http.SameSiteStrictMode
	m.Cookie.Persist = false
	if tls { // browsers accept a cookie of that name only by TLS from this host
		m.Cookie.Name, m.Cookie.Secure = "__Host-webproxy", true
	}
	return m
}

// errManySessions means that nobody else can log in now.
var errManySessions = errors.New("too many sessions are open")

// A sessionStore keeps sessions in bounded memory. A user can have a few; for one more, the one that ends first is dropped. It is safe for
// concurrent use.
type sessionStore struct {
	codec scs.Codec

	mu   sync.Mutex // guards open
	open map[string]openSession
}

type openSession struct {
	data []byte
	user string
	ends time.Time
}

// Find implements scs.Store.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.open[token]
	if !ok || !time.Now().Before(o.ends) {
		delete(s.open, token)
		return nil, false, nil
	}
	return o.data, true, nil
}

// Commit implements scs.Store. A session without a user is not kept.
func (s *sessionStore) Commit(token string, data []byte, ends time.Time) error {
	_, values, err := s.codec.Decode(data)
	if err != nil {
		return err
	}
	user, _ := values[userKey].(string)
	if user == "" {
		return s.Delete(token)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]openSession{}
	}
	if _, there := s.open[token]; !there {
		s.makeRoom(user)
		if len(s.open) >= maxSessions {
			return errManySessions
		}
	}
	s.open[token] = openSession{data, user, ends}
	return nil
}

// makeRoom drops expired sessions, and the user's session that ends first if there are many. s.mu is held.
func (s *sessionStore) makeRoom(user string) {
	now := time.Now()
	first, n := "", 0
	for token, o := range s.open {
		switch {
		case !now.Before(o.ends):
			delete(s.open, token)
		case o.user == user:
			n++
			if first == "" || o.ends.Before(s.open[first].ends) {
				first = token
			}
		}
	}
	if n >= userSessions {
		delete(s.open, first)
	}
}

// Delete implements scs.Store.
func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, token)
	return nil
}
