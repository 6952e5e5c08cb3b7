package policy

import (
	"iter"
	"strings"
)

// Ends yields the ends of p's host at which a wildcard that contains p may begin: its fixed part (the host itself, if
// p is no wildcard), then always one label less, and last the empty end. The Tail of every wildcard that contains p
// is among them.
func (p Pattern) Ends() iter.Seq[string] {
	return func(yield func(string) bool) {
		for end := p.Tail(); end != ""; _, end, _ = strings.Cut(end, ".") {
			if !yield(end) {
				return
			}
		}
		yield("")
	}
}
