package learn

import "webproxy/policy"

// EntryFor returns the list entry that admits host, a name, on one port by CONNECT or by plain HTTP.
func EntryFor(host string, port uint16, scheme policy.Scheme) string {
	return entryText(host, port, scheme)
}

// WiderThan returns the entry that admits host and all names beside it; or, if that must not be proposed, why not.
func WiderThan(host string, port uint16, scheme policy.Scheme) (entry, why string) {
	above := parent(host)
	if above == "" {
		return "", "there is nothing above it"
	}
	if why := floor(above); why != "" {
		return "", "*." + above + ": " + why
	}
	return entryText("*."+above, port, scheme), ""
}
