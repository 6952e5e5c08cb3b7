package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gobwas/glob"
	"golang.org/x/net/idna"
)

// A Pattern names hosts: one name, one IP address, or a wildcard.
//
//   - "*.example.com" is every name below example.com, at any depth, never example.com itself;
//   - a star elsewhere stays inside its label: "azgn*.example.com", "a.*.example.com".
//
// It is normal by construction: lower case, A-labels, no trailing dot. The zero Pattern matches
// nothing. A Pattern is safe for concurrent use.
type Pattern struct {
	text string
	kind patternKind
	tail string  // the labels after the last star; the whole name of an exact one
	head matcher // the part before tail, for patternGlob
	addr netip.Addr
}

// A matcher is a compiled pattern with stars.
type matcher = *glob.Pattern

type patternKind uint8

const (
	patternNone  patternKind = iota // the zero Pattern
	patternExact                    // one name
	patternBelow                    // "*.tail"
	patternGlob                     // stars inside labels
	patternAddr                     // one IP address
	patternAny                      // "*": every name and address; deny rules only
)

const (
	maxStars      = 4 // in a pattern
	maxLabelStars = 2 // in a label: a backtracking matcher takes time exponential in them
)

// anyPattern matches everything. ParsePattern never returns it: an allow must name a domain.
func anyPattern() Pattern { return Pattern{text: "*", kind: patternAny} }

// ParsePattern reads a pattern. A wildcard needs at least one fixed label at its end.
func ParsePattern(s string) (Pattern, error) {
	if s == "" {
		return Pattern{}, fmt.Errorf("no host")
	}
	if err := checkRunes(s); err != nil {
		return Pattern{}, err
	}
	if !strings.Contains(s, "*") {
		return parseExact(s)
	}
	if strings.Trim(s, "*.") == "" {
		return Pattern{}, fmt.Errorf("%q would allow every host", s)
	}
	text := strings.ToLower(strings.TrimSuffix(s, "."))
	labels := strings.Split(text, ".")
	last := -1 // the last label with a star
	stars := 0
	for i, l := range labels {
		n := strings.Count(l, "*")
		if n == 0 {
			a, err := fixedLabel(s, l)
			if err != nil {
				return Pattern{}, err
			}
			labels[i] = a
			continue
		}
		last, stars = i, stars+n
		if err := checkStarLabel(s, l, n); err != nil {
			return Pattern{}, err
		}
	}
	switch {
	case stars > maxStars:
		return Pattern{}, fmt.Errorf("pattern %q: more than %d stars", s, maxStars)
	case last == len(labels)-1:
		return Pattern{}, fmt.Errorf("pattern %q: the last label must be fixed", s)
	}
	p := Pattern{text: strings.Join(labels, "."), tail: strings.Join(labels[last+1:], ".")}
	if len(p.text) > 253 {
		return Pattern{}, fmt.Errorf("pattern of %d bytes: longer than 253", len(p.text))
	}
	if endsInNumber(p.tail) {
		return Pattern{}, fmt.Errorf("pattern %q: a star cannot stand for a part of an IP address", s)
	}
	if last == 0 && labels[0] == "*" {
		p.kind = patternBelow
		return p, nil
	}
	return p.withGlob(labels[:last+1])
}

// withGlob compiles the labels before the tail. With the dot as separator a star stays inside its label; only a
// leading whole-label star matches more labels, as everywhere.
func (p Pattern) withGlob(head []string) (Pattern, error) {
	text := strings.Join(head, ".")
	if head[0] == "*" {
		text = "*" + text
	}
	g, err := glob.Compile(text, '.')
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %q: %w", p.text, err)
	}
	p.kind, p.head = patternGlob, g
	return p, nil
}

func parseExact(s string) (Pattern, error) {
	host := s
	if strings.HasPrefix(s, "[") || strings.Count(s, ":") > 1 && !strings.Contains(s, "/") {
		if !strings.HasPrefix(host, "[") {
			host = "[" + host + "]"
		}
		addr, err := parseIPv6(host)
		if err != nil {
			return Pattern{}, err
		}
		return Pattern{text: addr.String(), kind: patternAddr, addr: addr}, nil
	}
	host, err := normalHost(host)
	if err != nil {
		return Pattern{}, err
	}
	if !endsInNumber(host) {
		return Pattern{text: host, kind: patternExact, tail: host}, nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is4() {
		return Pattern{}, fmt.Errorf("host %q: an IPv4 address must be written as four decimal numbers", s)
	}
	return Pattern{text: addr.String(), kind: patternAddr, addr: addr}, nil
}

// fixedLabel returns a label without a star as an A-label.
func fixedLabel(pattern, label string) (string, error) {
	if label == "" {
		return "", fmt.Errorf("pattern %q: empty label", pattern)
	}
	normal, err := normalHost(label)
	if err != nil {
		return "", fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return normal, nil
}

func checkStarLabel(pattern, label string, stars int) error {
	if stars > maxLabelStars {
		return fmt.Errorf("pattern %q: more than %d stars in label %q", pattern, maxLabelStars, label)
	}
	if strings.Contains(label, "**") {
		return fmt.Errorf("pattern %q: \"**\" has no meaning; \"*.\" goes to any depth", pattern)
	}
	for i := range len(label) {
		if c := label[i]; c != '*' && !hostByte(c) {
			return fmt.Errorf("pattern %q: byte %q is not allowed in a name", pattern, c)
		}
	}
	return checkLabel(pattern, label)
}

// String is the pattern in its normal form; ParsePattern reads it back.
func (p Pattern) String() string { return p.text }

// Unicode is the pattern for people: with U-labels where it has A-labels.
func (p Pattern) Unicode() string {
	if u, err := idna.ToUnicode(p.text); err == nil {
		return u
	}
	return p.text
}

// bracketed is String, an IPv6 address in brackets.
func (p Pattern) bracketed() string {
	if p.kind == patternAddr && p.addr.Is6() {
		return "[" + p.text + "]"
	}
	return p.text
}

// IsWildcard reports whether p may match more than one host.
func (p Pattern) IsWildcard() bool {
	return p.kind == patternBelow || p.kind == patternGlob || p.kind == patternAny
}

// IsAddr reports whether p is one IP address.
func (p Pattern) IsAddr() bool { return p.kind == patternAddr }

// Tail is the fixed labels at the end of a wildcard, "example.com" of "*.example.com"; of an exact
// name it is the name, of an address it is empty.
func (p Pattern) Tail() string { return p.tail }

// Matches reports whether host, in normal form, is one of p's.
func (p Pattern) Matches(host string) bool {
	switch p.kind {
	case patternExact, patternAddr:
		return host == p.text
	case patternBelow:
		return below(host, p.tail)
	case patternGlob:
		return below(host, p.tail) && p.head.Match(host[:len(host)-len(p.tail)-1])
	case patternAny:
		return host != ""
	}
	return false
}

// below reports whether host is a name below tail: whole labels, at least one.
func below(host, tail string) bool {
	n := len(host) - len(tail) - 1
	return n > 0 && host[n] == '.' && host[n+1:] == tail
}

// Examples returns two hosts that p matches, to show people how far a wildcard reaches; one if p is an exact name or
// an address.
func (p Pattern) Examples() []string {
	if !p.IsWildcard() {
		return []string{p.text}
	}
	if p.kind == patternAny {
		return []string{"example.com", "www.example.org"}
	}
	near := strings.ReplaceAll(p.text, "*", "a")
	if strings.HasPrefix(p.text, "*.") {
		return []string{near, "b." + near}
	}
	return []string{near, strings.ReplaceAll(p.text, "*", "b1")}
}
