package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A Scheme is how a client asks: in absolute form over plain HTTP, or by CONNECT.
type Scheme uint8

const (
	SchemeNone Scheme = iota // not stated
	HTTP                     // absolute-form request over plain HTTP (RFC 9112, 3.2.2)
	HTTPS                    // CONNECT (RFC 9110, 9.3.6), or a request seen inside an inspected one
)

var schemeWords = [...]string{"", "http", "https"}

// String returns the word used in rules and in the audit log; it is empty for SchemeNone.
func (s Scheme) String() string { return schemeWords[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Scheme) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts "http" and "https".
func (s *Scheme) UnmarshalText(b []byte) error {
	switch string(b) {
	case "http":
		*s = HTTP
	case "https":
		*s = HTTPS
	default:
		return fmt.Errorf("scheme %q: want http or https", b)
	}
	return nil
}

// DefaultPort is the port a URL of this scheme has when it names none: 80 for http, else 443.
func (s Scheme) DefaultPort() uint16 {
	if s == HTTP {
		return 80
	}
	return 443
}

// A Target is the scheme, host and port that a request names, as decided about and as dialled. It is made only by
// ParseTarget, so a value other than the zero one is normal by construction: lower case, A-labels, no trailing dot, a
// port from 1 to 65535. Targets are comparable: equal Targets are one destination.
type Target struct {
	scheme Scheme
	port   uint16
	host   string     // a name; empty when addr is valid
	addr   netip.Addr // an IP literal
}

// Scheme is how the target was asked for.
func (t Target) Scheme() Scheme { return t.scheme }

// Port is the TCP port, 1 to 65535; 0 only in the zero Target.
func (t Target) Port() uint16 { return t.port }

// Addr is the address of an IP literal; it is invalid if the target is a name.
func (t Target) Addr() netip.Addr { return t.addr }

// Host is the name, or the address of an IP literal without brackets.
func (t Target) Host() string {
	if t.addr.IsValid() {
		return t.addr.String()
	}
	return t.host
}

// IsZero reports whether t was never parsed.
func (t Target) IsZero() bool { return t == Target{} }

// HostPort is host:port, an IPv6 address in brackets: what ParseTarget accepts and returns unchanged.
func (t Target) HostPort() string {
	if t.IsZero() {
		return ""
	}
	if t.addr.IsValid() {
		return netip.AddrPortFrom(t.addr, t.port).String()
	}
	return t.host + ":" + strconv.Itoa(int(t.port))
}

// String is scheme://host:port.
func (t Target) String() string {
	if t.IsZero() {
		return ""
	}
	return t.scheme.String() + "://" + t.HostPort()
}

// ParseTarget turns the authority of a request into a Target, or says why it is not one. It is the only reader of
// authorities; nothing after it parses or normalises a host again.
//
// The port may be left out or empty for HTTP only, where it is then 80 (RFC 9110, 4.2.1): CONNECT must name one (RFC
// 9112, 3.2.3). It refuses userinfo, percent escapes, zones, control bytes, empty or over-long labels, names that a
// URL parser would read as an IPv4 address but that are not written in its four decimal parts (WHATWG URL, 3.5, "ends
// in a number"), Unicode that IDNA would have to map rather than encode, and characters that no name has (see
// checkRunes).
//
// Errors quote only what Quotable permits: an invalid authority may contain a password or a token.
func ParseTarget(scheme Scheme, authority string) (Target, error) {
	host, port, err := splitAuthority(scheme, authority)
	if err != nil {
		return Target{}, err
	}
	t := Target{scheme: scheme, port: port}
	if strings.HasPrefix(host, "[") {
		t.addr, err = parseIPv6(host)
		return checked(t, err)
	}
	if t.host, err = normalHost(host); err != nil {
		return Target{}, err
	}
	if endsInNumber(t.host) {
		if t.addr, err = netip.ParseAddr(t.host); err != nil || !t.addr.Is4() {
			return Target{}, fmt.Errorf("host %q: an IPv4 address must be written as four decimal numbers", host)
		}
		t.host = ""
	}
	return t, nil
}

func checked(t Target, err error) (Target, error) {
	if err != nil {
		return Target{}, err
	}
	return t, nil
}

func splitAuthority(scheme Scheme, authority string) (host string, port uint16, err error) {
	if len(authority) > 253+1+len(":65535") {
		return "", 0, fmt.Errorf("authority of %d bytes: longer than any host and port", len(authority))
	}
	if shown := Quotable(authority); len(shown) != len(authority) {
		return "", 0, fmt.Errorf("authority %q: user information, query or fragment with it", shown)
	}
	i := strings.LastIndexByte(authority, ':')
	if i >= 0 && strings.HasSuffix(authority, "]") { // the last colon is inside the brackets
		i = -1
	}
	if i < 0 {
		if scheme != HTTP {
			return "", 0, fmt.Errorf("authority %q: no port", authority)
		}
		return authority, scheme.DefaultPort(), nil
	}
	if scheme == HTTP && i == len(authority)-1 {
		return authority[:i], scheme.DefaultPort(), nil
	}
	if port, err = ParsePort(authority[i+1:]); err != nil && !isDecimal(authority[i+1:]) {
		err = errors.New("port is no number: want 1 to 65535") // in user:password, it is the password
	}
	return authority[:i], port, err
}

func isDecimal(s string) bool { return strings.Trim(s, "0123456789") == "" }

// ParsePort reads a port as it must be written: 1 to 65535 in decimal, no sign, no leading zero.
func ParsePort(s string) (uint16, error) {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return 0, fmt.Errorf("port %q: want 1 to 65535", s)
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("port %q: want 1 to 65535", s)
		}
		n = n*10 + int(s[i]-'0')
	}
	if n > 65535 {
		return 0, fmt.Errorf("port %q: want 1 to 65535", s)
	}
	return uint16(n), nil
}

func parseIPv6(host string) (netip.Addr, error) {
	inner, ok := strings.CutSuffix(host[1:], "]")
	if !ok {
		return netip.Addr{}, fmt.Errorf("host %q: missing \"]\"", host)
	}
	if strings.Contains(inner, "%") {
		return netip.Addr{}, fmt.Errorf("host %q: an address with a zone has a meaning on one machine only", host)
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() {
		return netip.Addr{}, fmt.Errorf("host %q: not an IPv6 address", host)
	}
	// An IPv4-mapped address is the IPv4 address: it must meet the same rules and guards.
	return addr.Unmap(), nil
}

// normalHost returns host in lower case, as A-labels and without its trailing dot. It does not accept wildcards; see
// ParsePattern for those.
func normalHost(host string) (string, error) {
	if !isASCII(host) {
		if err := checkRunes(host); err != nil {
			return "", err
		}
		a, err := toALabels(host)
		if err != nil {
			return "", err
		}
		host = a
	}
	host = strings.TrimSuffix(host, ".")
	host = strings.ToLower(host) // no copy if it is lower case already
	if host == "" {
		return "", fmt.Errorf("no host")
	}
	if len(host) > 253 {
		return "", fmt.Errorf("host of %d bytes: longer than 253", len(host))
	}
	start, encoded := 0, false
	for i := 0; i <= len(host); i++ {
		if i < len(host) && host[i] != '.' {
			if !hostByte(host[i]) {
				return "", fmt.Errorf("host %q: byte %q is not allowed in a name", host, host[i])
			}
			continue
		}
		label := host[start:i]
		if err := checkLabel(host, label); err != nil {
			return "", err
		}
		encoded = encoded || strings.HasPrefix(label, "xn--")
		start = i + 1
	}
	if encoded {
		if _, err := idna.Lookup.ToUnicode(host); err != nil {
			return "", fmt.Errorf("host %q: not a valid A-label: %v", host, err)
		}
	}
	return host, nil
}

func checkLabel(host, label string) error {
	switch {
	case label == "":
		return fmt.Errorf("host %q: empty label", host)
	case len(label) > 63:
		return fmt.Errorf("host %q: label longer than 63 bytes", host)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("host %q: label %q begins or ends with a hyphen", host, label)
	}
	return nil
}

// toALabels encodes a Unicode name. A name that IDNA first maps to something else, such as one in full-width letters,
// is refused: one host must not have two spellings.
func toALabels(host string) (string, error) {
	a, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return "", fmt.Errorf("host %q: %v", host, err)
	}
	u, err := idna.Lookup.ToUnicode(a)
	if err != nil || u != strings.ToLower(strings.TrimSuffix(host, ".")) {
		return "", fmt.Errorf("host %q: not in its normal Unicode form; write %q", host, a)
	}
	return a, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// hostByte reports whether c may stand in a normal label. RFC 1123 does not permit the underscore in host names, but
// real services use it.
func hostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// endsInNumber reports whether a URL parser would take host, in lower case, for an IPv4 address: its last label is
// decimal, or hexadecimal after 0x. No top-level domain looks like that.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}
