package lint

import (
	"fmt"
	"strings"
	"unicode"

	"webproxy/policy"
)

// written finds hosts with capitals or with a dot at the end. They match as intended, but a text search for the host does not
// find them.
func (l *linter) written() {
	for i := range l.Spec.Rules {
		rule := &l.Spec.Rules[i]
		for j, host := range rule.Hosts {
			l.spelling(host, &policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].hosts[%d]", i, j), Source: rule.Source})
		}
		if rule.URL != "" {
			l.spelling(hostOf(rule.URL), &policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].url", i), Source: rule.Source})
		}
	}
	l.eachLine(func(file string, rule *policy.RuleSpec, field string, number int, line string) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			return
		}
		l.spelling(hostOf(words[0]), &policy.RuleInfo{Rule: rule.ID, Field: field, Source: fmt.Sprintf("%s:%d", file, number)})
	})
}

func (l *linter) spelling(host string, r *policy.RuleInfo) {
	p, err := policy.ParsePattern(host)
	if err != nil {
		return
	}
	say := func(code Code, how string) {
		l.add(code, Warning, r, host, fmt.Sprintf("%q is written %s; it is matched as %q", host, how, p), fmt.Sprintf("write %s", p.Unicode()))
		l.column(&l.found[len(l.found)-1], host)
	}
	if strings.ContainsFunc(host, unicode.IsUpper) {
		say(UpperCase, "with capitals")
	}
	if strings.HasSuffix(host, ".") {
		say(TrailingDot, "with a dot at its end")
	}
}

// hostOf cuts the host out of the first word of a list's line: [scheme://]host[:port,..][/path].
func hostOf(word string) string {
	if _, rest, ok := strings.Cut(word, "://"); ok {
		word = rest
	}
	if i := strings.IndexAny(word, "/?"); i >= 0 {
		word = word[:i]
	}
	if i := strings.LastIndexByte(word, ':'); i >= 0 && !strings.HasSuffix(word, "]") {
		word = word[:i]
	}
	return word
}
