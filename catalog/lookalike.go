package catalog

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"webproxy/policy"
)

// ForeignLetters says whether a label of p has letters of several scripts, or letters that look like Latin ones; else it is
// empty.
func ForeignLetters(p policy.Pattern) string {
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
	'ı': 'i', 'ɡ': 'g', 'ɑ': 'a', 'ʟ': 'l', 'ɩ': 'i', 'ł': 'l', 'đ': 'd', 'ø': 'o', 'ħ': 'h', 'ŧ': 't', // Latin, but not ASCII
}

// accented has what the letters of Latin-1 and Latin Extended-A look like without their marks.
var accented = sync.OnceValue(func() map[rune]rune {
	all := map[rune]rune{}
	for base, letters := range map[rune]string{
		'a': "àáâãäåāăą", 'c': "çćĉċč", 'd': "ď", 'e': "èéêëēĕėęě", 'g': "ĝğġģ", 'h': "ĥ", 'i': "ìíîïĩīĭį", 'j': "ĵ", 'k': "ķ",
		'l': "ĺļľŀ", 'n': "ñńņňŉ", 'o': "òóôõöōŏő", 'r': "ŕŗř", 's': "śŝşšș", 't': "ţťț", 'u': "ùúûüũūŭůűų", 'w': "ŵ", 'y': "ýÿŷ", 'z': "źżž",
	} {
		for _, r := range letters {
			all[r] = base
		}
	}
	return all
})

// skeleton is s with letters that look Latin replaced by those they look like.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if latin, ok := looksLatin[r]; ok {
			return latin
		}
		return r
	}, s)
}

// plain is skeleton without accents: "micrósoft" is Latin only, and yet reads like another name.
func plain(s string) string {
	marks := accented()
	return strings.Map(func(r rune) rune {
		if base, ok := marks[r]; ok {
			return base
		}
		return r
	}, skeleton(s))
}

// alike replaces letters that are easily mistaken for others.
var alike = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "3", "e", "4", "a", "5", "s",
	"7", "t", "8", "b", "9", "g", "-", "")

// blurred is equal for ASCII names that look alike.
func blurred(name string) string { return alike.Replace(name) }

// Domains are known domains that others may be mistaken for. It is safe for concurrent use, except Add.
type Domains struct {
	domains map[string]bool
	blurred map[string]string // domain by its blurred form
	without map[string]string // domain by itself without one letter
	brands  map[string]string // domain by its first label, blurred
	nearly  map[string]string // domain by its first label without one letter
}

// ListedDomains returns the domains of the built-in lists. The result is shared: Clone it before Add.
var ListedDomains = sync.OnceValue(func() *Domains {
	n := &Domains{domains: map[string]bool{}, blurred: map[string]string{}, without: map[string]string{}, brands: map[string]string{}, nearly: map[string]string{}}
	lists, err := All()
	if err != nil {
		return n // the tests of this package find out
	}
	for _, list := range lists {
		for _, d := range list.Documents {
			for _, e := range d.Endpoints {
				host := strings.TrimLeft(e.Host[strings.LastIndexAny(e.Host, "*{}")+1:], "-.")
				n.Add(Registrable(host))
				n.Add(Owner(host))
			}
		}
	}
	return n
})

// Clone returns a copy that may be added to.
func (n *Domains) Clone() *Domains {
	return &Domains{maps.Clone(n.domains), maps.Clone(n.blurred), maps.Clone(n.without), maps.Clone(n.brands), maps.Clone(n.nearly)}
}

const (
	minNear  = 8 // shorter domains, such as "hp.com", differ from many others by one letter
	minBrand = 6 // shorter labels do not identify an owner
)

// commonLabels are first labels of listed domains that do not identify an owner.
const commonLabels = " office status storage search python "

// Add adds a domain that somebody registered.
func (n *Domains) Add(domain string) {
	if domain == "" || n.domains[domain] {
		return
	}
	n.domains[domain] = true
	n.blurred[blurred(domain)] = domain
	n.addBrand(domain)
	if len(domain) < minNear {
		return
	}
	n.without[domain] = domain
	for i := range len(domain) {
		n.without[domain[:i]+domain[i+1:]] = domain
	}
}

// addBrand remembers the first label of domain, unless it is a name below a shared suffix.
func (n *Domains) addBrand(domain string) {
	label, _, _ := strings.Cut(domain, ".")
	_, icann := publicsuffix.PublicSuffix(domain)
	if len(label) < minBrand || strings.Contains(commonLabels, " "+label+" ") || !icann || Registrable(domain) != domain {
		return
	}
	if old := n.brands[blurred(label)]; old != "" && strings.HasSuffix(old, ".com") {
		return
	}
	n.brands[blurred(label)] = domain
	for i := 0; i < len(label) && len(label) >= minNear; i++ {
		n.nearly[label[:i]+label[i+1:]] = domain
	}
}

// brand returns the domain of n whose first label part is, or looks like; may be empty.
func (n *Domains) brand(part string) string {
	if len(part) < minBrand {
		return ""
	}
	if domain := n.brands[blurred(part)]; domain != "" {
		return domain
	}
	for i := 0; i < len(part) && len(part) >= minNear; i++ {
		if domain := n.nearly[part[:i]+part[i+1:]]; domain != "" {
			return domain
		}
	}
	return ""
}

// Has reports whether domain is one of n.
func (n *Domains) Has(domain string) bool { return n.domains[domain] }

// Resembles says which domain of n host is easily mistaken for; empty if it is in one of them, or resembles none. Host is a name
// in its normal form, or the end of a pattern.
func (n *Domains) Resembles(host string) string {
	domain := Registrable(host)
	if domain == "" || n.domains[domain] {
		if domain = Owner(host); domain == "" || n.domains[domain] || n.domains[Registrable(host)] && domain == Registrable(host) {
			return ""
		}
		return n.slip(domain) // a customer's name below a domain that a list has too
	}
	if inside := n.inside(host, domain); inside != "" {
		return fmt.Sprintf("%s begins like %s, and belongs to %s", host, inside, domain)
	}
	if why := n.slip(domain); why != "" {
		return why
	}
	shown := domain
	if p, err := policy.ParsePattern(domain); err == nil {
		shown = p.Unicode()
	}
	if latin := plain(shown); latin != domain && isASCII(latin) {
		if other, ok := n.blurred[blurred(latin)]; ok {
			return fmt.Sprintf("%s (%s) reads like %s, which a list names", shown, domain, other)
		}
		shown = latin
	}
	label, _, _ := strings.Cut(shown, ".")
	for part := range strings.SplitSeq(label, "-") {
		if other := n.brand(part); other != "" {
			return fmt.Sprintf("%s has the name of %s in it, or nearly, and is another domain", domain, other)
		}
	}
	return ""
}

// inside returns the domain of n whose labels host has before its end, which is domain; may be empty.
func (n *Domains) inside(host, domain string) string {
	for at := host; len(at) > len(domain); at = parentDomain(at) {
		for end := strings.LastIndexByte(at, '.'); end > 0; end = strings.LastIndexByte(at[:end], '.') {
			if n.domains[at[:end]] && strings.Contains(at[:end], ".") {
				return at[:end]
			}
		}
	}
	// "windowsupdate.com.co" is itself what somebody registered below "com.co".
	for end := strings.LastIndexByte(domain, '.'); end > 0; end = strings.LastIndexByte(domain[:end], '.') {
		if n.domains[domain[:end]] && strings.Contains(domain[:end], ".") {
			return domain[:end]
		}
	}
	return ""
}

// slip says which domain of n is spelt nearly like domain; may be empty.
func (n *Domains) slip(domain string) string {
	if other, ok := n.blurred[blurred(domain)]; ok {
		return fmt.Sprintf("%s reads like %s, which a list names", domain, other)
	}
	if len(domain) < minNear {
		return ""
	}
	// Two names that differ by one letter (inserted, removed, replaced, or two swapped) are equal without one letter each. Some
	// names that differ by two letters are, too; they are rare, and reported.
	other, ok := n.without[domain]
	for i := 0; i < len(domain) && !ok; i++ {
		other, ok = n.without[domain[:i]+domain[i+1:]]
	}
	if !ok || !sameHead(domain, other) {
		return ""
	}
	return fmt.Sprintf("%s is one letter off %s, which a list names", domain, other)
}

// sameHead reports whether a difference of one letter is significant: below the same suffix of several labels, short names
// differ from many others by one letter.
func sameHead(a, b string) bool {
	x, rest, _ := strings.Cut(a, ".")
	y, other, _ := strings.Cut(b, ".")
	return !strings.Contains(rest, ".") || rest != other || min(len(x), len(y)) >= minNear
}
