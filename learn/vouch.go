package learn

import (
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// ownLimit bounds the operator's own domains that look-alikes are looked for of.
const ownLimit = 5_000

// A voucher knows which owners' names are known, so that a stranger's can be told from them.
type voucher struct {
	own   map[string]bool  // by catalog.Owner: of the lists in use and the operator's own entries
	names *catalog.Domains // of all built-in lists, and of own
}

// newVoucher returns a voucher for the policy in force, which may be nil.
func newVoucher(set *policy.Set) *voucher {
	v := &voucher{own: map[string]bool{}, names: catalog.ListedDomains()}
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

// inUse reports whether a list in use, or an entry of the operator's own, has a name of the owner of host.
func (v *voucher) inUse(host string) bool {
	owner := catalog.Owner(host)
	return owner != "" && v.own[owner]
}

// knows reports whether any built-in list, or an entry of the operator's own, has a name of the owner of host.
func (v *voucher) knows(host string) bool {
	owner := catalog.Owner(host)
	return owner != "" && (v.own[owner] || catalog.ListedDomains().Has(owner))
}

// unlisted says why no wildcard is proposed for domain, where no list and no entry has a name of its owner: a tunnel
// through the DNS makes as many names as it likes there. It is empty where one has.
func (v *voucher) unlisted(domain string) string {
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

// disguise says which known name host is easily taken for; empty if none.
func (v *voucher) disguise(host string) string {
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
