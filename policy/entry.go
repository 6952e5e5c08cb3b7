package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// An Entry is one line of a list:
//
//	[scheme://]host[:port,..][/path[?query]] [key=value ...] [# comment]
//
// with the keys id, phase, cloud, tag, expires, by and reason. The zero Entry names no host and is
// not valid; make one with ParseEntry, or fill it and let Compile check it.
type Entry struct {
	Scheme  Scheme   // SchemeNone: CONNECT on every port, and plain HTTP too on port 80
	Host    Pattern  // a name, a wildcard, or an IP address
	Ports   []uint16 // ascending, without repeats; empty: Scheme's default port
	Path    string   // "" for every path; see MatchPath
	Query   string   // "" for every query; else the whole query, to the letter
	ID      string   // names the entry within its list
	Phase   string
	Cloud   string // the only cloud the entry is for; "" for all
	Tag     string // a service tag, for information
	Expires Expiry
	By      string
	Reason  string
	Source  string // where it is written, for people: "lists/approved.txt:4"
}

// An EntryError says what is wrong with a line of a list, and where.
type EntryError struct {
	Column int    // of the first byte at fault, from 1
	Msg    string // lower case, no full stop
	Hint   string // what to do; may be empty
}

func (e *EntryError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Msg) }

// ParseEntry reads one line of a list. A line that is empty, or only a comment, is the zero Entry
// and no error. The error is always an *EntryError.
func ParseEntry(line string) (Entry, error) {
	var e Entry
	fields, err := splitFields(line)
	if err != nil || len(fields) == 0 {
		return e, err
	}
	if err := e.parseLocation(fields[0]); err != nil {
		return Entry{}, err
	}
	seen := map[string]bool{}
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f.text, "=")
		if !ok {
			return Entry{}, f.fail(0, "one host to a line, then key=value pairs; put other words after #", "%q is not key=value", f.text)
		}
		if seen[key] {
			return Entry{}, f.fail(0, "", "%s is set twice", key)
		}
		seen[key] = true
		if err := e.set(key, value, f); err != nil {
			return Entry{}, err
		}
	}
	return e, nil
}

// entryKeys are the keys of a line, in the order String writes them.
var entryKeys = []string{"id", "phase", "cloud", "tag", "expires", "by", "reason"}

func (e *Entry) set(key, value string, f field) error {
	at := len(key) + 1
	if value == "" {
		return f.fail(at, "", "%s has no value", key)
	}
	switch key {
	case "id":
		if !validID(value) {
			return f.fail(at, "", "id %q: want letters, digits, \"-\", \"_\" and \".\"", value)
		}
		e.ID = value
	case "phase":
		e.Phase = value
	case "cloud":
		if !validCloud(value) {
			return f.fail(at, "", "cloud %q: want public, china or usgov", value)
		}
		e.Cloud = value
	case "tag":
		e.Tag = value
	case "expires":
		if err := e.Expires.UnmarshalText([]byte(value)); err != nil {
			return f.fail(at, "", "%s", err)
		}
	case "by":
		e.By = value
	case "reason":
		e.Reason = value
	default:
		return f.fail(0, "the keys are "+strings.Join(entryKeys, ", "), "no such key %q", key)
	}
	return nil
}

// parseLocation reads [scheme://]host[:port,..][/path[?query]].
func (e *Entry) parseLocation(f field) error {
	if i := strings.IndexByte(f.text, '#'); i >= 0 {
		return f.fail(i, "write a space before a comment; a URL is written without its fragment", `"#" inside a word begins no comment`)
	}
	s, at := f.text, 0
	if scheme, rest, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(scheme, ":/") {
		if err := e.Scheme.UnmarshalText([]byte(strings.ToLower(scheme))); err != nil {
			return f.fail(0, "write host:port without a scheme to admit CONNECT to it", "scheme %q: want http or https", scheme)
		}
		at = len(scheme) + len("://")
		s = rest
	}
	host, path := s, ""
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		host, path = s[:i], s[i:]
	}
	if err := e.parsePath(path, f, at+len(host)); err != nil {
		return err
	}
	host, ports, hasPorts := cutPorts(host)
	if hasPorts {
		if err := e.parsePorts(ports, f, at+len(host)+1); err != nil {
			return err
		}
	}
	p, err := ParsePattern(host)
	if strange := (*runeError)(nil); errors.As(err, &strange) {
		return f.fail(at+strange.at, strange.hint(), "%s", err)
	}
	if err != nil {
		return f.fail(at, patternHint(host), "%s", err)
	}
	if n := strings.Trim(path, "0123456789"); p.kind == patternAddr && e.Scheme == SchemeNone && n == "/" {
		return f.fail(at, "a rule names single addresses; limit networks at the firewall", "%q is a network", f.text)
	}
	e.Host = p
	return nil
}

// cutPorts cuts the list of ports from host. The colons of a bracketed address do not begin it.
func cutPorts(host string) (name, ports string, ok bool) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, "", false
	}
	return host[:i], host[i+1:], true
}

func (e *Entry) parsePorts(list string, f field, at int) error {
	for part := range strings.SplitSeq(list, ",") {
		port, err := ParsePort(part)
		if err != nil {
			return f.fail(at, portHint(part), "%s", err)
		}
		if slices.Contains(e.Ports, port) {
			return f.fail(at, "", "port %d is listed twice", port)
		}
		e.Ports = append(e.Ports, port)
		at += len(part) + 1
	}
	slices.Sort(e.Ports)
	return nil
}

// portHint says what to do about a text that is not a port.
func portHint(text string) string {
	from, to, ok := strings.Cut(text, "-")
	if ok && from != "" && to != "" && isDecimal(from) && isDecimal(to) {
		return fmt.Sprintf("there are no ranges of ports: list each one, host:%s,%s", from, to)
	}
	return "several ports are written host:80,443"
}

func (e *Entry) parsePath(path string, f field, at int) error {
	e.Path, e.Query, _ = strings.Cut(path, "?")
	if e.Path == "/" && e.Query == "" {
		e.Path = "" // "https://host/" names the host
	}
	if e.Path == "" && e.Query != "" {
		e.Path = "/"
	}
	if e.Path == "" {
		return nil
	}
	err := checkPathPattern(e.Path)
	if err == nil {
		err = checkURLBytes("query", e.Query)
	}
	if err != nil {
		return f.fail(at, "", "%s", err)
	}
	return nil
}

// String is the entry as ParseEntry reads it, in its normal form: the same Entry but for Source.
func (e Entry) String() string { return e.location() + e.pairs() }

// pairs are its key=value pairs, each after a space.
func (e Entry) pairs() string {
	var b strings.Builder
	for _, key := range entryKeys {
		if v := e.value(key); v != "" {
			b.WriteString(" " + key + "=" + quoteValue(v))
		}
	}
	return b.String()
}

func (e Entry) location() string {
	var b strings.Builder
	if e.Scheme != SchemeNone {
		b.WriteString(e.Scheme.String() + "://")
	}
	b.WriteString(e.Host.bracketed())
	for i, p := range e.Ports {
		b.WriteByte(":,"[min(i, 1)])
		b.WriteString(strconv.Itoa(int(p)))
	}
	b.WriteString(e.Path)
	if e.Query != "" {
		b.WriteString("?" + e.Query)
	}
	return b.String()
}

func (e Entry) value(key string) string {
	switch key {
	case "id":
		return e.ID
	case "phase":
		return e.Phase
	case "cloud":
		return e.Cloud
	case "tag":
		return e.Tag
	case "expires":
		return e.Expires.String()
	case "by":
		return e.By
	}
	return e.Reason
}

func quoteValue(v string) string {
	if strings.ContainsFunc(v, func(r rune) bool { return r == '"' || r == '#' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return strconv.Quote(v)
	}
	return v
}

func validID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(hostByte(c) || 'A' <= c && c <= 'Z' || c == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func validCloud(s string) bool { return s == "public" || s == "china" || s == "usgov" }

// patternHint says what to do about a host that is not a pattern.
func patternHint(host string) string {
	if strange := (*runeError)(nil); errors.As(checkRunes(host), &strange) {
		return strange.hint()
	}
	switch {
	case host == "*":
		return `name a domain, such as "*.example.com"`
	case strings.ContainsAny(host, "?[]{}!") && !strings.HasPrefix(host, "["):
		return `the only wildcard is "*": "*.example.com", "prefix*.example.com"`
	case strings.HasPrefix(host, "*") && !strings.HasPrefix(host, "*.") && !strings.Contains(host[1:], "*"):
		return `to match whole labels write "*.` + strings.TrimLeft(host, "*.") + `"`
	}
	return ""
}
