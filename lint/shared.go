package lint

import (
	"fmt"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// shared finds allow entries that let data out to whoever signs up with a provider.
func (l *linter) shared() {
	for i := range l.rules {
		r := &l.rules[i]
		switch {
		case r.Deny:
		case catalog.Receiver(r.Host.Tail()) != "":
			l.receiver(r)
		case r.Host.IsWildcard():
			l.sharedSuffix(r)
		default:
			l.sharedHost(r)
		}
	}
}

// receiver reports an allow entry for a service that exists to receive data, even for a single name.
func (l *linter) receiver(r *policy.RuleInfo) {
	what := catalog.Receiver(r.Host.Tail())
	l.add(DataReceiver, noteIfBuiltIn(r), r, r.Host.String(),
		fmt.Sprintf("%s is a %s: it exists to receive what anybody sends it, and whoever made up the name or the path reads that", r.Host, what),
		"remove it; a server needs no such service")
}

func (l *linter) sharedSuffix(r *policy.RuleInfo) {
	s, shared := catalog.SharedUnder(r.Host.Tail())
	if !shared {
		return
	}
	where := "every " + s.What + " below " + s.Suffix
	switch {
	case s.Above:
		where += ", among others"
	case r.Host.String() != "*."+r.Host.Tail():
		where += " whose name fits, and names are free to choose"
	}
	examples := strings.Join(r.Host.Examples(), " and ")
	l.add(SharedSuffix, noteIfBuiltIn(r), r, r.Host.String(),
		fmt.Sprintf("%s (such as %s) allows %s, whoever owns it; source: %s", r.Host, examples, where, s.Source),
		"name the hosts that are needed")
}

func (l *linter) sharedHost(r *policy.RuleInfo) {
	what := catalog.SharedHost(r.Host.String())
	if what == "" || r.Path != "" && (r.Inspect || !r.HasScheme(policy.HTTPS)) {
		return
	}
	l.add(SharedHost, noteIfBuiltIn(r), r, r.Host.String(),
		fmt.Sprintf("%s is shared: anybody can have a %s on it, and a tunnel hides which one is meant", r.Host, what),
		"write the path and set inspect: true on a rule of its own, or mirror what is needed")
}

// apexes finds wildcards "*.name" without name.
func (l *linter) apexes() {
	for i := range l.rules {
		r := &l.rules[i]
		tail := r.Host.Tail()
		if r.Host.String() != "*."+tail || !strings.Contains(tail, ".") {
			continue
		}
		if _, shared := catalog.SharedUnder(tail); shared && !r.Deny {
			continue // the name itself belongs to the provider
		}
		apex, err := policy.ParsePattern(tail)
		if err != nil {
			continue
		}
		allowed, denied := l.naming(l.allows, apex), l.naming(l.denies, apex)
		switch {
		case r.Deny && allowed != nil && denied == nil:
			l.add(ApexMissing, Warning, r, r.Host.String(),
				fmt.Sprintf("%s does not deny %s itself, which %s (%s) allows", r.Host, tail, allowed.Rule, allowed.Source),
				"deny "+tail+" too, if it is meant")
		case !r.Deny && allowed == nil && denied == nil:
			l.add(ApexMissing, noteIfBuiltIn(r), r, r.Host.String(),
				fmt.Sprintf("%s does not allow %s itself, and nothing else does", r.Host, tail), "add "+tail+", if it is meant")
		}
	}
}

// naming returns an entry of x that matches host, whatever its conditions; may be nil.
func (l *linter) naming(x *hostIndex, host policy.Pattern) *policy.RuleInfo {
	var found *policy.RuleInfo
	x.containing(&policy.RuleInfo{Host: host}, func(i int) bool {
		if l.rules[i].Host.Contains(host) {
			found = &l.rules[i]
		}
		return found == nil
	})
	return found
}
