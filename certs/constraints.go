package certs

import (
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
)

// noSuchDomain is reserved (RFC 6761, 6.4): no URI and no mailbox is below it. Permitting a name type only there
// permits none of that type. An empty exclusion would say so more directly, but verifiers read it differently.
const noSuchDomain = "invalid"

// everyAddress is the two ranges that hold every IP address.
var everyAddress = []*net.IPNet{
	{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
	{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
}

// constrain limits the authority t to the DNS names in only and those below them. A name type that name constraints
// do not mention is unrestricted (RFC 5280, 4.2.1.10), so every type that a TLS client may check is mentioned: IP
// addresses are excluded; URIs and mail addresses are permitted in a domain that does not exist.
//
// What it cannot limit: directory names and other names, such as Windows user principal names. crypto/x509 refuses a
// chain with a critical constraint on these. The root's extended key usage, server authentication, keeps certificates
// with them from being used for logon where the verifier applies it to roots.
func constrain(t *x509.Certificate, only []string) error {
	if len(only) == 0 {
		return nil
	}
	for i, name := range only {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if !isDNSName(name) {
			return fmt.Errorf("only %q: want a DNS name, such as example.com, which stands for those below it too", only[i])
		}
		t.PermittedDNSDomains = append(t.PermittedDNSDomains, name)
	}
	t.PermittedDNSDomainsCritical = true // of all types: it is one extension
	t.ExcludedIPRanges = everyAddress
	t.PermittedURIDomains = []string{noSuchDomain}
	t.PermittedEmailAddresses = []string{noSuchDomain}
	return nil
}

// Binds reports whether the root is limited to names, and verifiers refuse every address, URI and mail address that its
// key signs for. Roots that earlier versions made with --only leave these types open.
func (r *Root) Binds() bool {
	c := r.Cert
	return len(c.PermittedDNSDomains) > 0 && len(c.PermittedURIDomains) > 0 && len(c.PermittedEmailAddresses) > 0 &&
		excludes(c.ExcludedIPRanges, everyAddress[0]) && excludes(c.ExcludedIPRanges, everyAddress[1])
}

func excludes(ranges []*net.IPNet, want *net.IPNet) bool {
	return slices.ContainsFunc(ranges, func(n *net.IPNet) bool {
		ones, bits := n.Mask.Size()
		_, wantBits := want.Mask.Size()
		return ones == 0 && bits == wantBits
	})
}

// isDNSName reports whether s is a DNS name in lower case and ASCII, without wildcards, that is not an address.
func isDNSName(s string) bool {
	if len(s) > 253 || net.ParseIP(s) != nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
