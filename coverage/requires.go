package coverage

import (
	"slices"
	"strings"

	"webproxy/policy"
)

// AzureLocal is the bundle of lists with all that Azure Local requires.
const AzureLocal = "azure-local"

// InUse returns the profile to compare a policy with: the bundle or list name in the newest generation that a rule has, and by,
// that rule. If a rule has the list without a generation, or no rule has it, it returns name itself.
func InUse(name string, rules []policy.RuleSpec) (profile, by string) {
	used := ""
	for i := range rules {
		list, generation, pinned := strings.Cut(rules[i].List, "@")
		switch {
		case rules[i].Deny || list != name:
		case !pinned:
			return name, ""
		case generation > used:
			used, by = generation, rules[i].ID
		}
	}
	if used == "" {
		return name, ""
	}
	return name + "@" + used, by
}

// Requires reports whether p requires that a host can be reached on a port.
func (p *Profile) Requires(host string, port uint16) bool {
	return slices.ContainsFunc(p.Endpoints, func(e Endpoint) bool {
		if !e.Need.Required() || e.reason != "" || !e.want.Host.Matches(host) {
			return false
		}
		return e.port == port || slices.Contains(e.want.Ports, port)
	})
}
