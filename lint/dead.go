package lint

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// dead finds entries that admit no request at all: those that have expired, and those that no request can match.
func (l *linter) dead() {
	for i := range l.rules {
		r := &l.rules[i]
		if !r.Expires.IsZero() && !l.Now.Before(r.Expires) {
			l.add(Expired, noteIfBuiltIn(r), r, forms(r),
				fmt.Sprintf("%s expired on %s", forms(r), r.Expires.Format("2006-01-02 15:04 UTC")), "remove it, or give it a later expires")
			continue
		}
		if why, fix := neverMatches(r); why != "" {
			l.add(NeverMatches, noteIfBuiltIn(r), r, forms(r), fmt.Sprintf("%s: %s", forms(r), why), fix)
		}
	}
}

// neverMatches says why no request can match r, and what to do; empty if one can.
func neverMatches(r *policy.RuleInfo) (why, fix string) {
	connect := slices.Contains(r.Methods, "CONNECT")
	plain, tunnel := r.HasScheme(policy.HTTP), r.HasScheme(policy.HTTPS)
	switch {
	case r.Methods == nil:
	case !plain && !connect && !r.Inspect:
		return "it is for tunnels alone, whose method is CONNECT, and its methods are " + strings.Join(r.Methods, ", "),
			"drop methods, or set inspect: true to evaluate the requests inside"
	case !tunnel && connect && len(r.Methods) == 1:
		return "it is for plain HTTP alone, and CONNECT makes a tunnel", "drop methods, or write https://"
	}
	if r.Deny {
		return "", ""
	}
	name := r.Host.Tail()
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case last == "invalid" || last == "onion":
		return "names below ." + last + " have no address (RFC 6761, RFC 7686)", "remove it"
	case last == "localhost" && !r.Private:
		return "localhost is a loopback address (RFC 6761), which no rule allows by itself", "add private: allow to the rule"
	}
	return "", ""
}

// paths finds entries with a path that a tunnel hides.
func (l *linter) paths() {
	for i := range l.rules {
		r := &l.rules[i]
		if r.Deny || r.Path == "" || r.Inspect || !r.HasScheme(policy.HTTPS) {
			continue
		}
		l.add(PathOverTLS, noteIfBuiltIn(r), r, forms(r),
			fmt.Sprintf("the path %s cannot be seen in a tunnel: the whole host %s is allowed", r.Path, r.Host),
			"set inspect: true on a rule of its own to enforce it, or drop the path")
	}
}
