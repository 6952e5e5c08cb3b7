package policy

import "strings"

// Overlaps reports whether there may be a host that both p and q match. It errs to true for
// patterns with stars inside labels.
func (p Pattern) Overlaps(q Pattern) bool {
	switch {
	case p.kind == patternNone || q.kind == patternNone:
		return false
	case p.kind == patternAny || q.kind == patternAny:
		return true
	case p.kind == patternAddr || q.kind == patternAddr:
		return p.kind == q.kind && p.addr == q.addr
	}
	return labelsOverlap(strings.Split(p.text, "."), strings.Split(q.text, "."))
}

// labelsOverlap compares labels from the end. A first label "*" stands for one or more.
func labelsOverlap(p, q []string) bool {
	for len(p) > 0 && len(q) > 0 {
		last, other := p[len(p)-1], q[len(q)-1]
		switch {
		case len(p) == 1 && last == "*", len(q) == 1 && other == "*":
			return true // at least one label of the other is left
		case !labelOverlaps(last, other):
			return false
		}
		p, q = p[:len(p)-1], q[:len(q)-1]
	}
	return len(p) == 0 && len(q) == 0
}

// labelOverlaps compares the parts of both labels before the first and after the last star.
func labelOverlaps(p, q string) bool {
	switch {
	case !strings.Contains(p, "*"):
		return labelContains(q, p)
	case !strings.Contains(q, "*"):
		return labelContains(p, q)
	}
	before, other := p[:strings.IndexByte(p, '*')], q[:strings.IndexByte(q, '*')]
	if !strings.HasPrefix(before, other) && !strings.HasPrefix(other, before) {
		return false
	}
	afterStar, other := p[strings.LastIndexByte(p, '*')+1:], q[strings.LastIndexByte(q, '*')+1:]
	return strings.HasSuffix(afterStar, other) || strings.HasSuffix(other, afterStar)
}
