package http1

import (
	"bytes"
	"errors"
	"net/url"
	"strings"

	"webproxy/policy"
)

// A TargetForm is one of the four forms of a request target (RFC 9112, 3.2).
type TargetForm uint8

const (
	FormNone      TargetForm = iota
	FormAuthority            // CONNECT host:port
	FormAbsolute             // GET http://host/path
	FormOrigin               // GET /path: to a server, not through a proxy
	FormAsterisk             // OPTIONS *
	FormInside               // GET /path inside an inspected tunnel
)

// A RequestTarget is a request target, parsed.
type RequestTarget struct {
	Form TargetForm
	// Target is what is decided about and dialled; zero unless the form is authority or absolute and the scheme is
	// served.
	Target policy.Target
	// Scheme is the scheme of an absolute form, in lower case; for CONNECT it is https.
	Scheme string
	// If there is no target, Host and Port are as sent, as far as they may be shown.
	Host string
	Port uint16
	// Unsupported is why the form is unsupported, if that is known already.
	Unsupported string
}

// shownHostLimit bounds the host of a malformed target, in bytes: no valid one is longer.
const shownHostLimit = 256

// ShownTarget returns the host and the port in a request target that cannot be parsed, for the record. See
// policy.Quotable for what is omitted.
func ShownTarget(target []byte) (host string, port uint16) {
	authority := target
	if scheme, rest, ok := bytes.Cut(target, []byte("://")); ok && isScheme(scheme) {
		authority = rest
	}
	if i := bytes.IndexAny(authority, "/?"); i >= 0 {
		authority = authority[:i]
	}
	return shownAuthority(authority)
}

func shownAuthority(authority []byte) (host string, port uint16) {
	host = policy.Quotable(string(authority))
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		port, _ = policy.ParsePort(host[i+1:])
		host = host[:i]
	}
	return host[:min(len(host), shownHostLimit)], port
}

// ParseTarget reads the request target of h. It is the only place where the authority of a request is parsed: its
// result is decided about, dialled, and sent to the origin as Host.
//
// net/url accepts everything that it accepts, so that net/http has no reason to respond by itself. The error is for
// the operator's log: it may quote the client.
func ParseTarget(h *RequestHead) (RequestTarget, ProtocolError, error) {
	switch {
	case h.IsConnect():
		t, err := policy.ParseTarget(policy.HTTPS, string(h.Target))
		if err != nil {
			return RequestTarget{}, ErrAuthority, err
		}
		return RequestTarget{Form: FormAuthority, Target: t, Scheme: "https"}, NoError, nil
	case h.Target[0] == '/':
		return RequestTarget{Form: FormOrigin}, checkEscapes(h.Target), nil
	case string(h.Target) == "*":
		if string(h.Method) != "OPTIONS" {
			return RequestTarget{}, ErrTargetForm, nil
		}
		return RequestTarget{Form: FormAsterisk}, NoError, nil
	}
	return readAbsolute(h.Target)
}

// readAbsolute reads scheme://authority/path?query.
func readAbsolute(b []byte) (RequestTarget, ProtocolError, error) {
	scheme, rest, ok := bytes.Cut(b, []byte("://"))
	if !ok || !isScheme(scheme) {
		return RequestTarget{}, ErrTargetForm, nil
	}
	authority := rest
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if f := checkEscapes(rest[len(authority):]); f != NoError {
		return RequestTarget{}, f, nil
	}
	a := RequestTarget{Form: FormAbsolute, Scheme: "http"}
	var err error
	switch {
	case equalFold(scheme, "http"):
		a.Target, err = policy.ParseTarget(policy.HTTP, string(authority))
	case equalFold(scheme, "https"):
		// Never dialled: the proxy would have to end the TLS session itself. The target is parsed nevertheless, so
		// that the record says where the client wanted to go.
		a.Scheme = "https"
		a.Target, err = policy.ParseTarget(policy.HTTPS, WithPort(string(authority), "443"))
	default:
		a.Scheme = string(bytes.ToLower(scheme))
		a.Host, a.Port = shownAuthority(authority)
		if _, bad := url.ParseRequestURI(string(b)); bad != nil {
			err = errors.New("not a URL") // the text of bad quotes the whole URL, passwords included
		}
	}
	if err != nil {
		return RequestTarget{}, ErrAuthority, err
	}
	return a, NoError, nil
}

// WithPort adds the port to an authority that has none, or an empty one (RFC 9110, 4.2).
func WithPort(authority, port string) string {
	authority = strings.TrimSuffix(authority, ":")
	for i := len(authority) - 1; i >= 0 && authority[i] != ']'; i-- {
		if authority[i] == ':' {
			return authority
		}
	}
	return authority + ":" + port
}

// isScheme reports whether b is a scheme (RFC 3986, 3.1).
func isScheme(b []byte) bool {
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return len(b) > 0
}

// checkEscapes checks the percent escapes of a path; those of a query do not matter to a proxy.
func checkEscapes(b []byte) ProtocolError {
	for i := 0; i < len(b) && b[i] != '?'; i++ {
		if b[i] == '%' && (i+2 >= len(b) || hexDigit(b[i+1]) < 0 || hexDigit(b[i+2]) < 0) {
			return ErrEscape
		}
	}
	return NoError
}

// IsWholeServer reports whether a request target in absolute form has neither path nor query.
func IsWholeServer(target string) bool {
	return AfterAuthority(target) == ""
}

// AfterAuthority returns what follows the authority of a request target in absolute form.
func AfterAuthority(target string) string {
	_, rest, _ := strings.Cut(target, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// SplitPath returns path and query of a request target in absolute form, as written; an empty path
// is "/" (RFC 9110, 4.2.3). hasQuery tells an empty query from none.
func SplitPath(target string) (path, query string, hasQuery bool) {
	i := 0
	for ; i < len(target) && target[i] != ':'; i++ {
	}
	rest := target[min(i+len("://"), len(target)):]
	for i = 0; i < len(rest) && rest[i] != '/' && rest[i] != '?'; i++ {
	}
	rest = rest[i:]
	for i = 0; i < len(rest) && rest[i] != '?'; i++ {
	}
	path = rest[:i]
	if path == "" {
		path = "/"
	}
	if i < len(rest) {
		return path, rest[i+1:], true
	}
	return path, "", false
}
