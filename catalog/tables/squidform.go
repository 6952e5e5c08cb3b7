package tables

import (
	"fmt"
	"net/netip"
	"strings"
)

// squidHint matches a line of a Squid configuration.
var squidHint = lazy(`(?m)^[ \t]*(?:acl[ \t]+\S+[ \t]+\S+|http_access[ \t]+(?:allow|deny)[ \t])`)

// squid reads a Squid configuration: the http_access lines that use an acl say whether its names are allowed or denied.
func (d *document) squid() {
	verdicts := map[string]verdict{}
	for _, line := range d.lines {
		words := strings.Fields(withoutHash(line))
		if len(words) < 3 || words[0] != "http_access" {
			continue
		}
		v := verdictOf(words[1])
		for _, name := range words[2:] {
			said := v
			if inner, not := strings.CutPrefix(name, "!"); not { // "deny !listed" allows what is listed
				if name, said = inner, allow; v == allow {
					said = deny
				}
			}
			if old := verdicts[name]; old != unsaid && old != said {
				said = unclear
			}
			verdicts[name] = said
		}
	}
	found := map[int]*finding{}
	for i, line := range d.lines {
		words := strings.Fields(withoutHash(line))
		if len(words) > 1 && words[0] == "include" {
			f := leftOut(Problem, words[1], "what is allowed and denied is in another file, too", "put it in place of the line")
			found[i+1] = &f
		}
		if len(words) < 4 || words[0] != "acl" {
			continue
		}
		found[i+1] = &finding{}
		found[i+1].add(d.squidACL(words[1], words[2], words[3:], verdicts))
	}
	d.addLines(0, len(d.lines), "configuration of Squid", found)
}

func (d *document) squidACL(name, kind string, values []string, verdicts map[string]verdict) finding {
	switch kind {
	case "dstdomain":
	case "dst":
		var out finding
		for _, v := range values {
			out.left = append(out.left, Left{Kind: NoRule, Text: v, Why: "an address or a network: limit it at the firewall", Firewall: true})
		}
		return out
	case "dstdom_regex", "url_regex", "urlpath_regex":
		return leftOut(Problem, strings.Join(values, " "), "a regular expression, which is not read", "write the names")
	default:
		return leftOut(Prose, strings.Join(values, " "), "an acl of the kind "+kind+", which is about no destination", "")
	}
	var out finding
	for _, v := range values {
		switch {
		case strings.HasPrefix(v, "-"):
			continue
		case strings.HasPrefix(v, `"`):
			out.add(leftOut(Problem, v, "the names are in another file", "import that file"))
			continue
		}
		f := d.dotted(v, portList{})
		switch verdict, used := verdicts[name]; {
		case !used:
			f = leftOut(Problem, v, fmt.Sprintf("no http_access line names the acl %s", name), "")
		case verdict == unclear:
			f = leftOut(Problem, v, fmt.Sprintf("http_access both allows and denies the acl %s", name), "")
		default:
			f = d.applyVerdict(f, verdict, "", v)
		}
		out.add(f)
	}
	return out
}

func withoutHash(line string) string {
	line, _, _ = strings.Cut(visible(line), "#")
	return line
}

// dotted reads a name of Squid: ".example.com" is example.com and all names below it.
func (d *document) dotted(word string, list portList) finding {
	name, ok := strings.CutPrefix(word, ".")
	if !ok {
		return d.filler.endpoint(word, list, "")
	}
	f := d.filler.endpoint("*."+name, list, "")
	f.add(d.filler.endpoint(name, list, ""))
	return f
}

// oddLine reads special lines of other programs' lists: a name with a dot before it, a regular expression, a line of a hosts file.
// It reports whether text is one.
func (d *document) oddLine(text string) (finding, bool) {
	words := strings.Fields(withoutHash(text))
	if len(words) == 0 {
		return finding{}, false
	}
	if name, ok := strings.CutPrefix(words[0], "."); ok && len(words) == 1 && looksLikeAddress(name, true) && !strings.ContainsAny(name, "/:?*<>{}[]@") {
		return d.applyVerdict(d.dotted(words[0], portList{}), d.section.verdict, "", text), true
	}
	if f, ok := d.regexLine(text, d.section.verdict); ok {
		return f, true
	}
	if strings.HasPrefix(text, "^") || strings.HasSuffix(words[0], "$") && strings.Contains(words[0], ".") || strings.HasPrefix(text, "(^|") {
		return leftOut(Problem, text, "a regular expression, which is not read", "write the name, or *.name"), true
	}
	addr, err := netip.ParseAddr(words[0])
	if err != nil || len(words) < 2 {
		return finding{}, false
	}
	for _, w := range words[1:] {
		if looksLikeAddress(w, true) || w == "localhost" || isLabel(w) && !isDigit(w[0]) {
			continue
		}
		return finding{}, false
	}
	if _, err := parsePorts(strings.Join(words[1:], " ")); err == nil {
		return finding{}, false // an address, and its port and protocol
	}
	var out finding
	for _, w := range words[1:] {
		if !looksLikeAddress(w, true) {
			out.add(leftOut(NoRule, w, "a name of the hosts file without a domain", ""))
			continue
		}
		f := d.filler.endpoint(w, portList{}, "")
		v := d.section.verdict
		if addr.IsUnspecified() || addr.IsLoopback() { // hosts files block names this way
			v = deny
		}
		if v != deny {
			f.notes = append(f.notes, "the address "+addr.String()+" of the hosts file is not taken")
		}
		out.add(d.applyVerdict(f, v, "", w))
	}
	return out, true
}
