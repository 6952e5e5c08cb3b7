package review

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/policy"
)

// AdviceText tells people of near misses, of built-in lists that have the host, and of fixes.
func AdviceText(x *policy.Explanation, remedies []Remedy, listed []string) string {
	var b strings.Builder
	label := "near"
	for _, n := range x.Near {
		fmt.Fprintf(&b, " %-6s  %s  %s (%s): %s\n", label, n.Entry, n.Rule, n.Source, n.Why)
		label = ""
	}
	if len(listed) > 0 {
		fmt.Fprintf(&b, " listed  in %s, which no rule has in force for it; webproxy lists grep %s tells more\n", strings.Join(listed, ", "), x.Target.Host())
	}
	label = "fix"
	for _, f := range remedies {
		fmt.Fprintf(&b, " %-6s  %s\n", label, f.Text)
		label = "or"
	}
	return b.String()
}

// ListedIn returns the built-in lists, with their generations, that have the host of x for the cloud of cfg, if x is denied as
// not listed: they are not in use, or policy.region or policy.names is not set.
func ListedIn(cfg *config.Config, x *policy.Explanation) []string {
	listed := []string{}
	if x.Reason != policy.HostNotListed {
		return listed
	}
	lines, err := catalog.Covering(x.Target.Host())
	if err != nil {
		return listed // the lists are in the program, and tested
	}
	for _, l := range lines {
		name := l.List.Name + "@" + l.List.Generation
		if l.Endpoint.HoldsIn(cfg.Policy.Cloud) && l.Endpoint.Disabled == "" && !slices.Contains(listed, name) {
			listed = append(listed, name)
		}
	}
	return listed
}
