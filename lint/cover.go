package lint

import (
	"fmt"
	"strings"

	"webproxy/policy"
)

// covered finds entries that have no effect because of another one: redundant and shadowed ones.
func (l *linter) covered() {
	for i := range l.rules {
		r := &l.rules[i]
		same, other := l.allows, l.denies
		if r.Deny {
			same, other = l.denies, nil
		}
		if under := l.first(other, r, func(int) bool { return true }); under != nil {
			l.add(Shadowed, noteIfBuiltIn(r), r, forms(r),
				fmt.Sprintf("%s is allowed here, but %s (%s) denies all of it, and a deny beats every allow", forms(r), under.Rule, under.Source),
				"remove the entry, or narrow the deny")
			continue
		}
		by := l.first(same, r, func(j int) bool { return j != i && (!r.Covers(l.rules[j]) || outranks(l.rules, j, i)) })
		if by != nil {
			l.add(Redundant, noteIfBuiltIn(r), r, forms(r),
				fmt.Sprintf("%s is covered by %s (%s, %s)", forms(r), by.Host, by.Rule, by.Source),
				"remove it; or remove the wider entry, if this one is all that is needed")
		}
	}
}

// first returns the first entry of x that covers r and is wanted; nil if there is none.
func (l *linter) first(x *hostIndex, r *policy.RuleInfo, wanted func(int) bool) *policy.RuleInfo {
	var found *policy.RuleInfo
	left := l.comparisons()
	x.containing(r, func(j int) bool {
		if l.rules[j].Covers(*r) && wanted(j) {
			found = &l.rules[j]
		}
		left--
		l.compared++
		return found == nil && left > 0
	})
	return found
}

// comparisons is the limit on comparisons of one entry with others: entries that no index keeps apart, such as a thousand
// ports of one host or a*1.example.com to a*1000.example.com, would each be compared with all others.
func (l *linter) comparisons() int {
	const each, total, after = 1000, 2_000_000, 32
	if l.compared > total {
		return after
	}
	return each
}

// outranks reports whether, of two equal entries, the one at j is kept: that of a built-in list, else the first.
func outranks(rules []policy.RuleInfo, j, i int) bool {
	if a, b := builtIn(&rules[j]), builtIn(&rules[i]); a != b {
		return a
	}
	return j < i
}

// A hostIndex finds, by the suffixes of a host pattern, the entries whose pattern may contain it, so that each of 100,000
// entries is compared with few others.
type hostIndex struct {
	exact map[string]*bucket            // by the name, or the address
	below map[string]*bucket            // "*.name", by the name
	globs map[string]map[string]*bucket // others with stars: by the part after the last star, then before the first
	every bucket                        // "*"
}

// A bucket is entries with one host pattern, or with patterns that the index does not keep apart.
type bucket struct {
	all    []int
	byPath map[string][]int // by path and query; made when all is long
}

// newHostIndex indexes the denies among rules, or else the allows.
func newHostIndex(rules []policy.RuleInfo, denies bool) *hostIndex {
	x := &hostIndex{exact: map[string]*bucket{}, below: map[string]*bucket{}, globs: map[string]map[string]*bucket{}}
	for i := range rules {
		if rules[i].Deny == denies {
			x.add(rules, i)
		}
	}
	return x
}

func (x *hostIndex) add(rules []policy.RuleInfo, i int) {
	p := rules[i].Host
	var b *bucket
	switch text := p.String(); {
	case text == "*":
		b = &x.every
	case !p.IsWildcard():
		b = bucketOf(x.exact, text)
	case text == "*."+p.Tail():
		b = bucketOf(x.below, p.Tail())
	default:
		at := x.globs[p.Tail()]
		if at == nil {
			at = map[string]*bucket{}
			x.globs[p.Tail()] = at
		}
		b = bucketOf(at, fixedStart(text))
	}
	b.add(rules, i)
}

func bucketOf(m map[string]*bucket, key string) *bucket {
	b := m[key]
	if b == nil {
		b = new(bucket)
		m[key] = b
	}
	return b
}

// maxScan is how long a bucket is looked through without an index.
const maxScan = 16

func (b *bucket) add(rules []policy.RuleInfo, i int) {
	b.all = append(b.all, i)
	switch {
	case b.byPath != nil:
		key := rules[i].Path + "?" + rules[i].Query
		b.byPath[key] = append(b.byPath[key], i)
	case len(b.all) > maxScan:
		b.byPath = map[string][]int{}
		for _, j := range b.all {
			key := rules[j].Path + "?" + rules[j].Query
			b.byPath[key] = append(b.byPath[key], j)
		}
	}
}

// each calls f with the entries that may cover the path of r, until f returns false.
func (b *bucket) each(r *policy.RuleInfo, f func(int) bool) bool {
	if b == nil {
		return true
	}
	if b.byPath == nil {
		return eachOf(b.all, f)
	}
	for _, p := range pathsAround(r.Path) {
		if !eachOf(b.byPath[p+"?"], f) || r.Query != "" && !eachOf(b.byPath[p+"?"+r.Query], f) {
			return false
		}
	}
	return true
}

func eachOf(all []int, f func(int) bool) bool {
	for _, i := range all {
		if !f(i) {
			return false
		}
	}
	return true
}

// pathsAround returns the path patterns that may contain p: itself, its parent directories, and each of its prefixes with a
// star.
func pathsAround(p string) []string {
	all := []string{p}
	if p == "" {
		return all
	}
	all = append(all, "")
	for i := 1; i <= len(p); i++ {
		all = append(all, p[:i]+"*")
		if i == len(p) || p[i] == '/' || p[i-1] == '/' {
			all = append(all, p[:i])
		}
	}
	return all
}

// containing calls f with the entries whose host may contain that of r, the narrowest first, until f
// returns false. A nil hostIndex has none.
func (x *hostIndex) containing(r *policy.RuleInfo, f func(int) bool) {
	if x == nil {
		return
	}
	text, tail := r.Host.String(), r.Host.Tail()
	if !r.Host.IsWildcard() {
		if !x.exact[text].each(r, f) {
			return
		}
		tail = parentOf(text)
	}
	start := fixedStart(text)
	for ; tail != ""; tail = parentOf(tail) {
		if globs := x.globs[tail]; globs != nil {
			for i := len(start); i >= 0; i-- {
				if !globs[start[:i]].each(r, f) {
					return
				}
			}
		}
		if !x.below[tail].each(r, f) {
			return
		}
	}
	x.every.each(r, f)
}

// fixedStart is the part of a pattern before its first star.
func fixedStart(text string) string {
	before, _, _ := strings.Cut(text, "*")
	return before
}

func parentOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return parent
}
