package lint

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"webproxy/catalog"
	"webproxy/policy"
)

// lookAlikes finds names that a reviewer reads as another one: letters of several scripts in a label,
// letters that look Latin, and domains that are nearly one of the built-in lists.
func (l *linter) lookAlikes() {
	judged := map[string]string{} // by domain, why it is none of ours; empty if it is fine
	for i := range l.rules {
		r := &l.rules[i]
		if r.Deny || builtIn(r) || r.Host.Tail() == "" {
			continue
		}
		why := foreignLetters(r.Host)
		if why == "" {
			domain := catalog.Registrable(r.Host.Tail())
			known := false
			if why, known = judged[domain]; !known {
				why = nearlyListed(domain)
				judged[domain] = why
			}
		}
		if why != "" {
			l.add(LookAlike, Warning, r, r.Host.String(), why, "make sure that this is the name that is meant")
		}
	}
}

// foreignLetters says what is odd about the letters of p; empty if nothing is.
func foreignLetters(p policy.Pattern) string {
	shown := p.Unicode()
	if shown == p.String() {
		return ""
	}
	for label := range strings.SplitSeq(shown, ".") {
		if scripts := scriptsOf(label); len(scripts) > 1 && !writtenTogether(scripts) {
			return fmt.Sprintf("%s (%s) mixes letters of %s in one label", shown, p, strings.Join(scripts, " and "))
		}
		if latin := skeleton(label); isASCII(latin) && !isASCII(label) {
			return fmt.Sprintf("%s (%s) reads like %q", shown, p, strings.ReplaceAll(shown, label, latin))
		}
	}
	return ""
}

// scriptsOf returns the scripts of the letters of label.
func scriptsOf(label string) []string {
	var all []string
	for _, s := range []struct {
		name  string
		table *unicode.RangeTable
	}{
		{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"Armenian", unicode.Armenian},
		{"Cherokee", unicode.Cherokee}, {"Georgian", unicode.Georgian}, {"Hebrew", unicode.Hebrew}, {"Arabic", unicode.Arabic},
		{"Han", unicode.Han}, {"Hiragana", unicode.Hiragana}, {"Katakana", unicode.Katakana}, {"Hangul", unicode.Hangul},
		{"Bopomofo", unicode.Bopomofo}, {"Thai", unicode.Thai}, {"Devanagari", unicode.Devanagari},
	} {
		if strings.ContainsFunc(label, func(r rune) bool { return unicode.Is(s.table, r) }) {
			all = append(all, s.name)
		}
	}
	return all
}

// writtenTogether reports whether people mix the scripts in one word: those of East Asia, also with
// Latin (Unicode TS 39, "highly restrictive").
func writtenTogether(scripts []string) bool {
	for _, s := range scripts {
		switch s {
		case "Latin", "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo":
		default:
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// looksLatin has letters of other scripts that fonts draw like Latin ones.
var looksLatin = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'н': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm',
	'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'у': 'y', // Cyrillic
	'α': 'a', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'γ': 'y', // Greek
	'օ': 'o', 'ս': 'u', 'ո': 'n', 'հ': 'h', 'ց': 'g', // Armenian
	'ı': 'i', 'ɡ': 'g', 'ɑ': 'a', 'ʟ': 'l', 'ɩ': 'i', // Latin, but not of any keyboard
}

// skeleton is s with letters that look Latin replaced by those they look like.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if latin, ok := looksLatin[r]; ok {
			return latin
		}
		return r
	}, s)
}

// blurred is an ASCII name as a hurried eye sees it: what is equal here looks alike.
func blurred(name string) string {
	return strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "5", "s", "-", "").Replace(name)
}

// listed are the domains of the built-in lists, and how they may be mistaken.
type listed struct {
	domains map[string]bool
	blurred map[string]string // domain by its blurred form
	without map[string]string // domain by what is left of it without one letter
}

var listedDomains = sync.OnceValue(func() listed {
	l := listed{domains: map[string]bool{}, blurred: map[string]string{}, without: map[string]string{}}
	lists, err := catalog.All()
	if err != nil {
		return l // the tests of package catalog find out
	}
	for _, list := range lists {
		for _, d := range list.Documents {
			for _, e := range d.Endpoints {
				host := e.Host[strings.LastIndexAny(e.Host, "*{}")+1:]
				l.add(catalog.Registrable(strings.TrimLeft(host, "-.")))
			}
		}
	}
	return l
})

// minNear is how long a domain must be for one slip to tell something: "hp.com" is a slip from many.
const minNear = 8

func (l *listed) add(domain string) {
	if domain == "" || l.domains[domain] {
		return
	}
	l.domains[domain] = true
	l.blurred[blurred(domain)] = domain
	if len(domain) < minNear {
		return
	}
	l.without[domain] = domain
	for i := range len(domain) {
		l.without[domain[:i]+domain[i+1:]] = domain
	}
}

// nearlyListed says which domain of the built-in lists domain looks like, without being one.
func nearlyListed(domain string) string {
	l := listedDomains()
	if domain == "" || l.domains[domain] {
		return ""
	}
	if other, ok := l.blurred[blurred(domain)]; ok {
		return fmt.Sprintf("%s reads like %s, which the built-in lists name", domain, other)
	}
	if len(domain) < minNear {
		return ""
	}
	// Two names are one slip apart (a letter more, less, wrong, or two swapped) if they are equal
	// without a letter each; what else is equal then is two slips apart, and rare enough to be told.
	other, ok := l.without[domain]
	for i := 0; i < len(domain) && !ok; i++ {
		other, ok = l.without[domain[:i]+domain[i+1:]]
	}
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s is one letter off %s, which the built-in lists name", domain, other)
}
