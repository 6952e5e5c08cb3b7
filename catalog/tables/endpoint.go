package tables

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// looksLikeAddress reports whether a word may be meant as an address: it has a scheme, a star, a placeholder or a name with a dot
// and a plausible last label. With strict, names in prose, such as Node.js, Az.StackHCI or README.md, do not count.
func looksLikeAddress(word string, strict bool) bool {
	if strings.Contains(word, "://") {
		return true
	}
	host, _, _ := strings.Cut(word, "/")
	host, _, _ = strings.Cut(host, "?")
	host, port, hasPort := strings.Cut(host, ":")
	if strings.ContainsAny(host, "[]<>{}") {
		return strings.Contains(word, ".") // a placeholder, or what is left of one
	}
	if strings.ContainsAny(host, "@\\=$%!'\"()") || hasPort && (port == "" || !isDigit(port[0])) {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	if isIPv4(host) {
		return true
	}
	if strings.Contains(host, "*.") || strings.Contains(host, ".*") {
		return true
	}
	at := strings.LastIndexByte(host, '.')
	if at < 0 {
		return false
	}
	last := host[at+1:]
	if last == "" || at == 0 || !letters(last) && !strings.HasPrefix(strings.ToLower(last), "xn--") {
		return false
	}
	if !strict {
		return true
	}
	return (last == strings.ToLower(last) || last == strings.ToUpper(last)) && !isFileName(word, last)
}

func letters(s string) bool {
	s = strings.TrimRight(s, "*")
	for _, c := range strings.ToLower(s) {
		if !('a' <= c && c <= 'z' || c >= 0x80) {
			return false
		}
	}
	return len(s) >= 2
}

func isIPv4(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 4
}

// isFileName reports whether a word without scheme, port and path is rather a file name than a host. Some of these endings are
// top-level domains; hosts below them can be written with their scheme.
func isFileName(word, ending string) bool {
	if strings.ContainsAny(word, ":/?*") {
		return false
	}
	switch strings.ToLower(ending) {
	case "md", "json", "yaml", "yml", "txt", "ps", "exe", "msi", "xml", "zip", "png", "jpg", "svg", "html", "htm",
		"aspx", "csv", "xlsx", "xls", "docx", "doc", "pdf", "dll", "cab", "log", "cfg", "conf", "ini", "js", "py", "go", "cs":
		return true
	}
	return false
}

// An address is a word split into its parts, before validation.
type address struct {
	scheme string // lower case; "" if not stated
	host   string
	ports  []uint16
	rest   string // path and query
	proto  protocol
}

// parseAddress splits a word into its parts.
func parseAddress(word string) (address, error) {
	var a address
	if scheme, rest, ok := strings.Cut(word, "://"); ok {
		a.scheme, word = strings.ToLower(scheme), rest
	}
	word, _, _ = strings.Cut(word, "#") // a fragment is never sent
	authority := word
	if i := strings.IndexAny(word, "/?"); i >= 0 {
		authority, a.rest = word[:i], word[i:]
	}
	if strings.ContainsRune(authority, '@') {
		return a, fmt.Errorf("it has a user name before the host")
	}
	a.host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		list, err := parsePorts(strings.ReplaceAll(authority[i+1:], ",", ", "))
		if err != nil {
			return a, err
		}
		if len(list.services) == 0 {
			return a, fmt.Errorf("no port after the colon")
		}
		a.host = authority[:i]
		for _, s := range list.services {
			a.ports = append(a.ports, s.port)
		}
	}
	switch strings.ToLower(a.rest) {
	case "/tcp": // host:443/TCP
		a.proto, a.rest = tcp, ""
	case "/udp":
		a.proto, a.rest = udp, ""
	}
	for _, c := range a.host {
		if c >= 0x80 {
			return a, fmt.Errorf("the letter %q (%U) is not ASCII and may only look like one", c, c)
		}
	}
	return a, nil
}

// endpoint makes entries of a word that looks like an address. list has the ports and protocols that stand beside it.
func (f filler) endpoint(word string, list portList, keys string) finding {
	shown := word
	if len(word) > maxWord {
		return leftOut(Problem, Shown(word), "no address is as long", "")
	}
	if label, ok := yourName(hostOf(word)); ok {
		at := strings.Index(strings.ToLower(word), label)
		word = word[:at] + "{" + slug(label) + "}" + word[at+len(label):]
	}
	word, unfilled := f.fill(word)
	if len(unfilled) > 0 {
		return f.unfilled(word, unfilled)
	}
	a, err := parseAddress(word)
	if err != nil {
		return leftOut(Problem, shown, err.Error(), "")
	}
	if why, hint := a.inexpressible(); why != "" {
		f := leftOut(NoRule, shown, why, hint)
		f.left[0].Firewall = true
		return f
	}
	list.proto |= a.proto
	if f.denied && a.scheme == "" && len(a.ports)+len(list.services) == 0 && list.proto == 0 {
		list.proto = http | https // a deny without a port is for both schemes
	}
	stated := policy.SchemeNone
	switch a.scheme {
	case "http", "ws":
		stated = policy.HTTP
	case "https", "wss":
		stated = policy.HTTPS
	}
	open, notes, bad := transports(stated, a.ports, list)
	if bad != nil {
		bad.Text = shown
		return finding{left: []Left{*bad}}
	}
	out := finding{notes: notes}
	for _, d := range open {
		e, err := a.entry(d, keys)
		if err != nil {
			return leftOut(Problem, shown, err.Error(), "")
		}
		out.entries = append(out.entries, e)
	}
	return out
}

// entry makes the entry for a by d alone.
func (a *address) entry(d transport, keys string) (policy.Entry, error) {
	line := d.scheme.String() + "://" + a.host
	if d.port != d.scheme.DefaultPort() {
		line += fmt.Sprintf(":%d", d.port)
	}
	e, err := policy.ParseEntry(line + a.rest + keys)
	if err != nil {
		return e, cause(err)
	}
	// ParseEntry only converts a host to lower case. If that changes, an entry must still have the host that was written.
	if want := strings.ToLower(strings.TrimSuffix(a.host, ".")); e.Host.String() != strings.Trim(want, "[]") {
		return e, fmt.Errorf("host %q is not in its normal form, which is %q", a.host, e.Host)
	}
	return e, nil
}

// cause is an EntryError without its column, which is of a generated line.
func cause(err error) error {
	if at, ok := err.(*policy.EntryError); ok {
		return fmt.Errorf("%s", at.Msg)
	}
	return err
}

// inexpressible says why no rule can express a valid address; "" if a rule can.
func (a *address) inexpressible() (why, hint string) {
	switch {
	case a.host == "" || strings.Trim(a.host, "0123456789") == "":
		return "it names no host", ""
	case isIPv4(a.host) && isPrefixLength(a.rest):
		return "a network of addresses, not a host: limit it at the firewall", ""
	case !slices.Contains([]string{"", "http", "https", "ws", "wss"}, a.scheme):
		return a.scheme + " is neither plain HTTP nor CONNECT", "if clients tunnel it by CONNECT, write host:port without the scheme"
	}
	return "", ""
}

func isPrefixLength(path string) bool {
	digits, ok := strings.CutPrefix(path, "/")
	return ok && len(digits) > 0 && len(digits) <= 2 && strings.Trim(digits, "0123456789") == ""
}

func hostOf(word string) string {
	if _, rest, ok := strings.Cut(word, "://"); ok {
		return rest
	}
	return word
}

// unfilled is the finding for an address with placeholders that have no value.
func (f filler) unfilled(text string, keys []string) finding {
	var missing, hints []string
	for _, key := range keys {
		if f.values[key] == none {
			return leftOut(NoRule, text, "there is none: "+key+" is "+none, "")
		}
		missing = append(missing, "{"+key+"}")
		if key == "region" || key == "regioncode" && f.values["region"] == "" {
			hints = append(hints, "--region REGION")
		} else {
			hints = append(hints, "--name "+key+"=VALUE")
		}
	}
	return leftOut(Unfilled, text, "not a rule until filled: "+strings.Join(missing, ", "), strings.Join(hints, " "))
}
