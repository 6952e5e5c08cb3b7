package doctor

import (
	"slices"
	"strings"
)

// revocation are hosts that Windows asks about certificates (azure-docs, azure-certificate-authority-details, 2025-11-17, and
// the lists of Azure Local).
var revocation = []string{
	"crl.", "crl3.", "crl4.", "ocsp.", "ocsp2.", "oneocsp.", "cacerts.", "caissuers.", "ts-crl.", "ts-ocsp.", "s.symcb.com", "s.symcd.com", "ctldl.windowsupdate.com", "mscrl.",
}

func isRevocation(host string) bool {
	return slices.ContainsFunc(revocation, func(p string) bool { return strings.HasPrefix(host, p) })
}

// payload are domains from which updates are downloaded by range requests (documents of Delivery Optimization).
var payload = []string{"windowsupdate.com", "delivery.mp.microsoft.com", "download.prss.microsoft.com", "emdl.ws.microsoft.com"}

// IsPayload reports whether updates are downloaded from host by range requests.
func IsPayload(host string) bool {
	return slices.ContainsFunc(payload, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

// forPeople are hosts whose front page redirects people: nodes do not need its target.
var forPeople = []string{
	"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.live.com", "graph.microsoft.com", "graph.windows.net", "portal.azure.com",
	"login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "www.microsoft.com", "dc.services.visualstudio.com",
}

// paths are known files of hosts: if a list has no path for a host, they are a better test than its front page.
var paths = map[string]string{
	"aka.ms":                  "/hciconnectivitytargets",
	"www.msftconnecttest.com": "/connecttest.txt",
	"ctldl.windowsupdate.com": "/msdownload/update/v3/static/trustedr/en/authrootstl.cab",
}

// KnownPath is a known file of host, or "/".
func KnownPath(host string) string {
	if p, ok := paths[host]; ok {
		return p
	}
	return "/"
}

// contents are responses whose content is known.
var contents = map[string]string{"www.msftconnecttest.com/connecttest.txt": "Microsoft Connect Test"}

// examples are hosts below wildcards, those that Microsoft's validators test (AzStackHci.EnvironmentChecker, 2026-06).
var examples = []string{
	"1a.au.download.windowsupdate.com", "edr-neu3.eu.endpoint.security.microsoft.com", "fe3.delivery.mp.microsoft.com", "www.portal.azure.com",
	"guestnotificationservice.azure.com", "azgn01.servicebus.windows.net",
}

// Examples returns at most two hosts of known that matches accepts, those of the validators first.
func Examples(known []string, matches func(host string) bool) []string {
	const most = 2
	var found []string
	for _, list := range [][]string{examples, known} {
		for _, h := range list {
			if len(found) < most && !slices.Contains(found, h) && matches(h) {
				found = append(found, h)
			}
		}
	}
	return found
}
