package config

import (
	"fmt"
	"strings"

	"webproxy/policy"
)

// checkUpstreams refuses rules that upstream proxies would make void: only the proxy that resolves a name knows its
// address, so a rule's conditions on addresses cannot be evaluated for names that an upstream proxy resolves.
func (l *loader) checkUpstreams() {
	if l.failed("egress") || len(l.cfg.Egress.Upstreams) == 0 {
		return
	}
	said := map[string]bool{} // by rule: one line of a list is reported for all
	for r := range l.cfg.Set.All() {
		setting, what := "", ""
		switch {
		case r.Tag != "":
			setting, what = ".service_tag", "the service tag "+r.Tag
		case r.Private && !r.Host.IsAddr():
			setting, what = ".private", "private: allow"
		default:
			continue
		}
		id, ok := l.cfg.Egress.UpstreamOf(r.Host)
		rule := ruleOf("policy." + r.Field)
		if !ok || said[rule] {
			continue
		}
		said[rule] = true
		l.problems = append(l.problems, l.placed(&policy.SpecError{
			Field: strings.TrimPrefix(rule, "policy.") + setting,
			Msg:   fmt.Sprintf("%s is about addresses, and %s is reached through upstream proxy %s, which resolves names by itself", what, r.Host, id),
			Hint:  fmt.Sprintf("add %s to except: of the upstream proxy, or drop the condition", r.Host),
		}))
	}
}
