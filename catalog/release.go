package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// releases are releases of Azure Local with their bundles, the newest first. Release 2506 dropped hosts that older clusters
// still request.
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

// ForRelease returns the bundle for a release of Azure Local, such as "azure-local@2026-11" for "2506"; if release is empty, for
// the newest.
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

// OffersAzureLocal reports whether Microsoft has a list of endpoints of Azure Local for place. Other regions have Azure Arc, but
// not Azure Local. Place must be valid, see CheckPlace.
func OffersAzureLocal(place policy.Place) bool {
	w, errs := resolvePlace(place)
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
