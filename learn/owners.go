package learn

import (
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// ownLimit bounds the operator's own domains for which look-alikes are searched.
const ownLimit = 5_000

// knownOwners are the owners of names in lists and in the operator's entries.
type knownOwners struct {
	own   map[string]bool  // owners, as catalog.Owner has them, of the lists in use and of the operator's entries
	names *catalog.Domains // of all built-in lists, and of own
}

// newKnownOwners returns those of the policy in force, which may be nil.
func newKnownOwners(set *policy.Set) *knownOwners {
	v := &knownOwners{own: map[string]bool{}, names: catalog.ListedDomains()}
	if set == nil {
		return v
	}
	cloned := false
	for _, r := range set.Rules() {
		owner := catalog.Owner(r.Host.Tail())
		if r.Deny || owner == "" || v.own[owner] {
			continue
		}
		v.own[owner] = true
		if v.names.Has(owner) || len(v.own) > ownLimit {
			continue
		}
		if !cloned {
			v.names, cloned = v.names.Clone(), true
		}
		v.names.Add(owner)
	}
	return v
}

// inUse reports whether a list in use, or an entry of the operator, has a name of the owner of host.
func (v *knownOwners) inUse(host string) bool {
	owner := catalog.Owner(host)
	return owner != "" && v.own[owner]
}

// knows reports whether any built-in list, or an entry of the operator, has a name of the owner of host.
func (v *knownOwners) knows(host string) bool {
	owner := catalog.Owner(host)
	return owner != "" && (v.own[owner] || catalog.ListedDomains().Has(owner))
}

// unlisted says why no wildcard is proposed for domain: neither a list nor an entry has a name of its owner, and DNS tunnels
// make any number of names there. It is empty if the owner is known.
func (v *knownOwners) unlisted(domain string) string {
	if v.knows(domain) {
		return ""
	}
	return "no list has a name of " + ownerText(domain)
}

// ownerText is the owner of host for people.
func ownerText(host string) string {
	if owner := catalog.Owner(host); owner != "" {
		return owner
	}
	return host
}

// lookAlike says which known name host is easily mistaken for; may be empty.
func (v *knownOwners) lookAlike(host string) string {
	if p, err := policy.ParsePattern(host); err == nil {
		if why := catalog.ForeignLetters(p); why != "" {
			return why
		}
	}
	return v.names.Resembles(host)
}

// inLabel reports whether p has its stars inside labels: "azgn*.servicebus.windows.net".
func inLabel(p policy.Pattern) bool {
	return p.IsWildcard() && p.String() != "*."+p.Tail() && !strings.HasPrefix(p.String(), "*.")
}
