package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// releases are the releases of Azure Local that a bundle is for, the newest first. Release 2506 dropped
// hosts that older clusters go on asking for.
var releases = []struct{ name, bundle string }{
	{"2608", "azure-local@2026-11"},
	{"2506", "azure-local@2026-11"},
	{"2504", "azure-local@2025-05"},
	{"2411", "azure-local@2025-05"},
}

// Releases returns the releases that ForRelease knows, the newest first.
func Releases() []string {
	var all []string
	for _, r := range releases {
		all = append(all, r.name)
	}
	return all
}

// ForRelease returns the bundle of what a release of Azure Local needs, such as "azure-local@2026-11" for
// "2506"; the empty release is the newest.
func ForRelease(release string) (string, error) {
	if release == "" {
		return releases[0].bundle, nil
	}
	for _, r := range releases {
		if r.name == release {
			return r.bundle, nil
		}
	}
	return "", fmt.Errorf("release %q: want %s (a release between two of them has the lists of the older one)", release,
		strings.Join(Releases(), ", "))
}

// OffersAzureLocal reports whether Microsoft keeps a list of what Azure Local needs at place. Other
// regions have Azure Arc, but no Azure Local. Place must be one that CheckPlace accepts.
func OffersAzureLocal(place policy.Place) bool {
	w, errs := newWording(place)
	if len(errs) > 0 {
		return false
	}
	l, err := Open("hci")
	if err != nil {
		return false
	}
	for i := range l.Documents {
		if d := &l.Documents[i]; slices.Contains(d.Regions, w.region) && d.columns(w).hasCloud {
			return true
		}
	}
	return false
}
