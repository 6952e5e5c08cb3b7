package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// ParseURL reads a URL as a person writes one: http://host/path, https://host:8084, or host:port, which is a tunnel.
// It returns the target, and the path and the query that only plain HTTP shows.
func ParseURL(s string) (t Target, path, query string, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	var sc Scheme
	if !ok {
		sc, rest = HTTPS, s
	} else if err := sc.UnmarshalText([]byte(strings.ToLower(scheme))); err != nil {
		return Target{}, "", "", fmt.Errorf("URL %q: %w", s, err)
	}
	rest, _, _ = strings.Cut(rest, "#")
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if name, port, hasPort := cutPorts(authority); !hasPort || ok && port == "" { // RFC 9110, 4.2
		authority = fmt.Sprintf("%s:%d", name, sc.DefaultPort())
	}
	if t, err = ParseTarget(sc, authority); err != nil {
		return Target{}, "", "", fmt.Errorf("URL %q: %w", s, err)
	}
	path, query, _ = strings.Cut(path, "?")
	if path == "" {
		path = "/"
	}
	return t, path, query, nil
}

// NewRequest is the request that a client would make for a URL: a GET for http, a CONNECT, whose path cannot be seen,
// for https. A method of "" stands for these.
func NewRequest(client netip.Addr, method, url string, now time.Time) (Request, error) {
	t, path, query, err := ParseURL(url)
	if err != nil {
		return Request{}, err
	}
	req := Request{Time: now, Client: client, Method: method, Target: t}
	if t.scheme == HTTP {
		req.Path, req.Query = path, query
	}
	if method == "" {
		req.Method = "CONNECT"
		if t.scheme == HTTP {
			req.Method = "GET"
		}
	}
	return req, nil
}

// RunTests evaluates the requests of spec with s, at now unless they name a time. The error is SpecErrors, one for
// each test that fails.
func (s *Set) RunTests(spec TestsSpec, now time.Time) error {
	var errs SpecErrors
	for _, part := range []struct {
		name  string
		tests []TestSpec
		want  bool
	}{{"allow", spec.Allow, true}, {"deny", spec.Deny, false}} {
		for i, t := range part.tests {
			if err := s.runTest(t, part.want, now); err != nil {
				err.Field = fmt.Sprintf("tests.%s[%d]%s", part.name, i, err.Field)
				errs = append(errs, err)
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

func (s *Set) runTest(t TestSpec, want bool, now time.Time) *SpecError {
	if !t.At.IsZero() {
		now = t.At
	}
	req, err := NewRequest(netip.Addr{}, t.Method, t.To, now)
	if err != nil {
		return &SpecError{Field: ".to", Msg: err.Error()}
	}
	g := s.clients.named(t.From)
	if g == nil {
		if req.Client, err = netip.ParseAddr(t.From); err != nil {
			var groups []string
			for _, g := range s.Groups() {
				groups = append(groups, g.Name)
			}
			return &SpecError{
				Field: ".from", Msg: fmt.Sprintf("%q is neither a client group nor an address", t.From),
				Hint: "there is " + someOf(groups), Word: t.From, Known: groups,
			}
		}
		g = s.clients.lookup(req.Client)
	}
	d := s.decideFor(&req, g)
	// A request that only learn mode lets through is not allowed by the rules.
	if (d.Verdict == Allow) == want {
		return nil
	}
	msg := fmt.Sprintf("test failed: %s is %s for %s (%s", t.To, pastTense(d.Verdict), t.From, d.Reason)
	if d.Rule() != "" {
		msg += " " + d.Rule()
	}
	return &SpecError{Msg: msg + ")", Hint: "change the rules or the test"}
}

func pastTense(v Verdict) string {
	if v == Allow {
		return "allowed"
	}
	return "denied"
}
