package lint

import (
	"webproxy/catalog"
)

// lookAlikes finds names that a reviewer may mistake for another one: with letters of several scripts in a label, with letters
// that look Latin, and names that resemble one of the built-in lists.
func (l *linter) lookAlikes() {
	listed := catalog.ListedDomains()
	for i := range l.rules {
		r := &l.rules[i]
		if r.Deny || builtIn(r) || r.Host.Tail() == "" {
			continue
		}
		why := catalog.ForeignLetters(r.Host)
		if why == "" {
			why = listed.Resembles(r.Host.Tail())
		}
		if why != "" {
			l.add(LookAlike, Warning, r, r.Host.String(), why, "make sure that this is the name that is meant")
		}
	}
}
