package learn

import (
	"strings"

	"webproxy/policy"
)

// PathRules are the hosts for which the policy or a built-in list has an entry with a path. Requests for them are learnt by
// path. Only plain HTTP shows paths. A nil PathRules is empty. It is safe for concurrent use.
type PathRules struct {
	byHost map[string][]string
	wide   []pathRule // of wildcards
}

type pathRule struct {
	host policy.Pattern
	path string
}

// hostPaths is how many first segments without a rule are kept apart on a host; above that, the whole host is learnt.
const hostPaths = 16

// NewPathRules returns those of the policy, which may be nil, and of the catalog.
func NewPathRules(set *policy.Set, known *Known) *PathRules {
	p := &PathRules{byHost: map[string][]string{}}
	if set != nil {
		for _, r := range set.Rules() {
			if r.Path != "" && r.HasScheme(policy.HTTP) {
				p.add(r.Host, r.Path)
			}
		}
	}
	if known != nil {
		for _, entries := range known.byTail {
			for _, k := range entries {
				if k.entry.Path != "" && k.entry.Scheme == policy.HTTP {
					p.add(k.Host, k.entry.Path)
				}
			}
		}
	}
	return p
}

func (p *PathRules) add(host policy.Pattern, path string) {
	if host.IsWildcard() {
		p.wide = append(p.wide, pathRule{host, path})
		return
	}
	p.byHost[host.String()] = append(p.byHost[host.String()], path)
}

// rule returns the path rule for path on host: the narrowest pattern that matches it, else its first segment. decides
// reports whether paths decide on host, known whether a pattern matches.
func (p *PathRules) rule(host, path string) (rule string, decides, known bool) {
	if p == nil || path == "" {
		return "", false, false
	}
	consider := func(pattern string) {
		decides = true
		if policy.MatchPath(pattern, path) && len(pattern) > len(rule) {
			rule, known = pattern, true
		}
	}
	for _, pattern := range p.byHost[host] {
		consider(pattern)
	}
	for _, w := range p.wide {
		if w.host.Matches(host) {
			consider(w.path)
		}
	}
	if decides && !known {
		rule = firstSegment(host, path)
	}
	return rule, decides, known
}

// firstSegment is "/pkiops" of "/pkiops/crl/x.crl"; empty if a rule cannot have it.
func firstSegment(host, path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if segment == "" {
		return ""
	}
	e, err := policy.ParseEntry("http://" + host + "/" + segment)
	if err != nil || strings.HasSuffix(segment, "*") || e.Path != "/"+segment {
		return ""
	}
	return e.Path
}

// keyed returns k with the path rule for path, and reports whether paths decide on its host.
func (g *Group) keyed(k Key, path string, rules *PathRules) (Key, bool) {
	if k.Scheme != policy.HTTP {
		return k, false
	}
	rule, decides, known := rules.rule(k.Host, path)
	if rule == "" || known {
		k.Path = rule
		return k, decides
	}
	k.Path = rule
	if g.sightings[k] != nil {
		return k, true
	}
	if g.segments[k.Host] >= hostPaths {
		k.Path = ""
		return k, true
	}
	g.segments[g.word(k.Host)]++
	return k, true
}
