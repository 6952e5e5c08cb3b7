package proxy

import (
	"errors"
	"fmt"
	"time"

	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
	"webproxy/internal/setting"
	"webproxy/proxy/internal/http1"
)

// Options are the settings under proxy: in the configuration. A zero field means its default.
type Options struct {
	// Via is this proxy's name in Via fields. A request that carries it has been here before and is
	// refused, so two proxies must not share one. Default: webproxy- and random digits, new at
	// every start.
	Via string `yaml:"via"`
	// HeaderBytes bounds the head of a request, in bytes. Default 32768.
	HeaderBytes int `yaml:"header_bytes"`
	// HeaderTimeout bounds the time from the first byte of a request head to its last. Default 10s.
	HeaderTimeout setting.Duration `yaml:"header_timeout"`
	// IdleTimeout bounds the time that a connection waits for a request, the first and every further one. Default 2m.
	IdleTimeout setting.Duration `yaml:"idle_timeout"`
	// StallTimeout ends a request whose client neither sends nor reads a byte of a body for that time, or whose
	// origin reads nothing of an upload before it responds; and a tunnel one side of which reads nothing of what the
	// other has sent. It limits neither whole bodies, which may take as long as they move, nor silence. Default 5m.
	StallTimeout setting.Duration `yaml:"stall_timeout"`
	// ResponseTimeout bounds the time an origin has for its response head. Default off.
	ResponseTimeout setting.Duration `yaml:"response_timeout"`
	// TunnelIdle ends a tunnel in which no byte has moved for that time. Default off: some tunnels
	// are silent for hours, and TCP keep-alive finds those whose peer is gone.
	TunnelIdle setting.Duration `yaml:"tunnel_idle"`
	// HalfCloseTimeout ends a tunnel of which one direction has ended and in whose other direction no byte has moved for
	// that time. Default 10m.
	HalfCloseTimeout setting.Duration `yaml:"half_close_timeout" was:"tunnel_linger"`
	// ShutdownGrace is how long open requests and tunnels may go on when the proxy stops.
	// Default 30s.
	ShutdownGrace setting.Duration `yaml:"shutdown_grace"`
	// MaxConnections bounds client connections. For one more, one that waits for its next request is closed; if none
	// does, the new one is answered 503. Default: half of what the system's limit on open files leaves after
	// a reserve for the proxy itself, as each may need one more, to an origin.
	MaxConnections int `yaml:"max_connections"`
	// MaxConnectionsPerClient bounds them for each client address, IPv6 addresses by their /64, and so the
	// connections to origins from a client's inspected tunnels. Default: half of all.
	MaxConnectionsPerClient int `yaml:"max_connections_per_client"`
	// ClientRequests bounds the requests that a client may begin in a second, denied ones included; one that was
	// quiet may begin five times as many at once. A request beyond the limit is answered 429. Default: no limit.
	ClientRequests int `yaml:"client_requests"`
	// ClientDials bounds the connections to origins that are opened for a client in a second, likewise. Default: no
	// limit.
	ClientDials int `yaml:"client_dials"`
	// ClientBytes bounds the bytes that are copied for a client in a second, both ways together, by making it wait.
	// Default: no limit.
	ClientBytes setting.Size `yaml:"client_bytes"`
	// InspectionMemory bounds the memory for inspected TLS. A tunnel takes 256 KiB of it; a request inside takes 384
	// KiB, more with a body. Most of that is for what an origin may send before the client has read it. One client
	// may use a quarter of the whole. A request beyond the limit is answered 503. Default 512MiB.
	InspectionMemory setting.Size `yaml:"inspection_memory"`
	// Balancers are addresses and networks of load balancers. Their connections must begin with a PROXY protocol
	// header, version 1 or 2; its source address is then the client's. Anybody who can connect from there can claim
	// any address. Default: none.
	Balancers []string `yaml:"balancers"`
}

// DenialOptions are the settings under denial: what refused clients are told.
type DenialOptions struct {
	// HTTPStatus is the status of a denied plain HTTP request: 403 (the default), or 503 for clients that take every
	// other response for the origin's. A denied CONNECT gets 403 always.
	HTTPStatus int `yaml:"http_status"`
	// Contact is one line for people who are refused and are not operators: whom to ask, such as "Ask the network
	// team, ext. 4711". It stands in the body of every refusal. At most 200 bytes. Default none.
	Contact string `yaml:"contact"`
	// Link is where they can ask: an https://, http:// or mailto: URL. It stands in the body of every refusal.
	// Default none.
	Link string `yaml:"link"`
}

// ReloadOptions are the settings under reload:.
type ReloadOptions struct {
	// Grace is how long a tunnel that a new policy forbids may go on. Default 30s.
	Grace setting.Duration `yaml:"grace"`
}

const (
	defaultHeaderBytes      = 32 << 10
	minHeaderBytes          = 4 << 10
	maxHeaderBytes          = 1 << 20
	defaultHeaderTimeout    = 10 * time.Second
	defaultIdleTimeout      = 2 * time.Minute
	defaultStallTimeout     = 5 * time.Minute
	defaultHalfCloseTimeout = 10 * time.Minute
	defaultGrace            = 30 * time.Second
)

// Grace returns ShutdownGrace or its default; 0 means to wait for ever.
func (o Options) Grace() time.Duration { return o.ShutdownGrace.Or(defaultGrace) }

// Wait returns Grace or its default; 0 means not to end such tunnels.
func (o ReloadOptions) Wait() time.Duration { return o.Grace.Or(defaultGrace) }

// Check returns nil, or all problems of o as *setting.OptionErrors, joined. Fields are relative to proxy.
func (o Options) Check() error {
	var problems []error
	if o.Via != "" && !http1.IsToken([]byte(o.Via)) {
		problems = append(problems, &setting.OptionError{
			Field: "via",
			Msg:   fmt.Sprintf("%q is not a token", o.Via),
			Hint:  `use letters, digits and "-", such as webproxy-site1`,
		})
	}
	if o.HeaderBytes != 0 && (o.HeaderBytes < minHeaderBytes || o.HeaderBytes > maxHeaderBytes) {
		problems = append(problems, &setting.OptionError{
			Field: "header_bytes",
			Msg:   fmt.Sprintf("%d is not between %d and %d", o.HeaderBytes, minHeaderBytes, maxHeaderBytes),
		})
	}
	if o.HeaderTimeout == setting.Off {
		problems = append(problems, &setting.OptionError{
			Field: "header_timeout",
			Msg:   "off would let clients hold connections for ever",
			Hint:  "write a long time, such as 5m",
		})
	}
	if o.InspectionMemory != 0 && o.InspectionMemory != setting.SizeOff && o.InspectionMemory < minInspectionMemory {
		problems = append(problems, &setting.OptionError{Field: "inspection_memory", Msg: fmt.Sprintf("%v is less than %v", o.InspectionMemory, minInspectionMemory)})
	}
	if o.MaxConnections < 0 {
		problems = append(problems, &setting.OptionError{Field: "max_connections", Msg: fmt.Sprintf("%d is negative", o.MaxConnections)})
	}
	if o.MaxConnectionsPerClient < 0 {
		problems = append(problems, &setting.OptionError{Field: "max_connections_per_client", Msg: fmt.Sprintf("%d is negative", o.MaxConnectionsPerClient)})
	}
	problems = append(problems, o.checkRates()...)
	_, bad := o.balancers()
	return errors.Join(append(problems, bad...)...)
}

// Check returns nil, or all problems of o as *setting.OptionErrors, joined. Fields are relative to denial.
func (o DenialOptions) Check() error {
	var problems []error
	if o.HTTPStatus != 0 && o.HTTPStatus != 403 && o.HTTPStatus != 503 {
		problems = append(problems, &setting.OptionError{
			Field: "http_status",
			Msg:   fmt.Sprintf("%d cannot say that a request was denied", o.HTTPStatus),
			Hint:  "write 403 or 503",
		})
	}
	if what := badContact(o.Contact); what != "" {
		problems = append(problems, &setting.OptionError{Field: "contact", Msg: what, Hint: "write one short line: whom to ask"})
	}
	if what := badLink(o.Link); what != "" {
		problems = append(problems, &setting.OptionError{Field: "link", Msg: what, Hint: "write a URL such as https://help.example.com/proxy or mailto:network@example.com"})
	}
	return errors.Join(problems...)
}

const (
	maxContact = 200 // bytes
	maxLink    = 500
)

// badContact says what is wrong with a contact line; it is empty if nothing is.
func badContact(s string) string {
	if len(s) > maxContact {
		return fmt.Sprintf("%d bytes are too many: at most %d", len(s), maxContact)
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) { // no line breaks, nothing that reorders text
			return fmt.Sprintf("the character %U may not be in it", r)
		}
	}
	return ""
}

// badLink says what is wrong with a link; it is empty if nothing is.
func badLink(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > maxLink {
		return fmt.Sprintf("%d bytes are too many: at most %d", len(s), maxLink)
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) {
			return fmt.Sprintf("the character %U may not be in a URL", r)
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "not a URL"
	case u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"):
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil:
	default:
		return "neither an http:// or https:// URL nor a mailto: address"
	}
	return ""
}

// Check returns nil: every duration is valid.
func (o ReloadOptions) Check() error { return nil }
