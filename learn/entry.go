package learn

import "webproxy/policy"

// EntryFor is the entry of a list that admits host, a name, on one port in one form.
func EntryFor(host string, port uint16, scheme policy.Scheme) string {
	return entryText(host, port, scheme)
}

// WiderThan is the entry that admits all names beside host too; or, if it must not be proposed, why not.
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
