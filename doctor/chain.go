package doctor

import (
	"cmp"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// roots are authorities of Microsoft that only Windows knows: hosts of Windows Update and Defender have certificates of
// theirs (azure-management-docs, troubleshoot-resource-bridge). Their SHA-256 is in the test.
//
//go:embed roots/*.pem
var roots embed.FS

// AddMicrosoftRoots adds the roots of Microsoft's own authorities to pool.
func AddMicrosoftRoots(pool *x509.CertPool) error {
	all, err := microsoftRoots()
	for _, c := range all {
		pool.AddCert(c)
	}
	return err
}

func microsoftRoots() ([]*x509.Certificate, error) {
	files, err := roots.ReadDir("roots")
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, f := range files {
		data, err := roots.ReadFile("roots/" + f.Name())
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("%s: no PEM", f.Name())
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		all = append(all, c)
	}
	return all, nil
}

// publishers are the owners of the authorities that the hosts of Microsoft's lists use, and those of the other large public
// ones, as certificates name them (Organization), in lower case. If a chain ends at another root that the operating system trusts,
// somebody installed that root.
var publishers = []string{
	"microsoft corporation", "digicert", "globalsign", "baltimore", "geotrust", "thawte", "verisign", "symantec corporation",
	"amazon", "google trust services", "let's encrypt", "internet security research group", "sectigo", "comodo ca", "the usertrust network",
	"entrust", "identrust", "godaddy", "starfield", "ssl corporation", "ssl corp", "buypass", "hellenic academic", "swisssign", "quovadis",
	"actalis", "certum", "asseco", "unizeto", "d-trust", "telia", "trustasia", "wotrus", "china financial certification authority", "emsign",
}

// devices are words in the names of authorities that inspecting products make, in lower case.
var devices = []string{
	"zscaler", "fortinet", "fortigate", "palo alto", "bluecoat", "blue coat", "checkpoint", "check point", "netskope", "umbrella", "forcepoint",
	"websense", "sophos", "mcafee", "trellix", "skyhigh", "watchguard", "barracuda", "sonicwall", "iboss", "kaspersky", "untangle", "smoothwall", "mitmproxy",
}

// A chainFault is a fault of a chain.
type chainFault struct {
	finding *Finding
	detail  string
}

// issuerOf is who signed a chain, according to it: the name and owner of the authority.
func issuerOf(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return ""
	}
	name := chain[0].Issuer
	owner := strings.Join(name.Organization, ", ")
	switch {
	case name.CommonName == "":
		return cmp.Or(owner, "nobody that is named")
	case owner == "":
		return name.CommonName
	}
	return name.CommonName + " (" + owner + ")"
}

// evaluateChain evaluates the certificates of host.
func evaluateChain(host string, chain []*x509.Certificate, o Options) *chainFault {
	if len(chain) == 0 {
		return &chainFault{&findTLS, "no certificate"}
	}
	issuer := issuerOf(chain)
	if o.Own != nil {
		if fault := verifyChain(host, chain, o.Own, o.Now); fault == nil || fault.finding == &findCert {
			return fault
		}
	}
	if d := device(chain); d != "" {
		return &chainFault{&findIntercept, "signed by " + issuer}
	}
	fault := verifyChain(host, chain, o.Roots, o.Now)
	if fault == nil && o.Published && !signedByPublisher(chain, o) {
		return &chainFault{&findIntercept, "signed by " + issuer + ", whose root was installed on this machine"}
	}
	return fault
}

// verifyChain verifies chain by roots.
func verifyChain(host string, chain []*x509.Certificate, roots *x509.CertPool, now time.Time) *chainFault {
	verify := x509.VerifyOptions{Roots: roots, Intermediates: intermediates(chain), CurrentTime: now}
	_, err := chain[0].Verify(verify)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		// To find its signer, verify at a time when it was valid.
		verify.CurrentTime = middle(chain[0])
		if _, then := chain[0].Verify(verify); then == nil {
			return &chainFault{&findCert, fmt.Sprintf("valid from %s to %s", chain[0].NotBefore.UTC().Format(time.DateOnly), chain[0].NotAfter.UTC().Format(time.DateOnly))}
		}
	}
	if err != nil {
		return &chainFault{&findIntercept, "signed by " + issuerOf(chain) + ", whom nobody publishes"}
	}
	if err := chain[0].VerifyHostname(host); err != nil {
		return &chainFault{&findCert, "for " + namesOf(chain[0])}
	}
	return nil
}

func intermediates(chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range chain[1:] {
		pool.AddCert(c)
	}
	return pool
}

// signedByPublisher reports whether chain can be verified up to a root of a known publisher.
func signedByPublisher(chain []*x509.Certificate, o Options) bool {
	ways, err := chain[0].Verify(x509.VerifyOptions{Roots: o.Roots, Intermediates: intermediates(chain), CurrentTime: o.Now})
	return err == nil && slices.ContainsFunc(ways, published)
}

func middle(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)
}

// device is the inspecting product that a name in chain belongs to; empty if there is none.
func device(chain []*x509.Certificate) string {
	for _, c := range chain {
		name := strings.ToLower(c.Issuer.String())
		for _, d := range devices {
			if strings.Contains(name, d) {
				return d
			}
		}
	}
	return ""
}

// published reports whether the root of a verified chain is of a known publisher.
func published(chain []*x509.Certificate) bool {
	root := chain[len(chain)-1]
	for _, owner := range root.Subject.Organization {
		if slices.ContainsFunc(publishers, func(p string) bool { return strings.HasPrefix(strings.ToLower(owner), p) }) {
			return true
		}
	}
	return false
}

// namesOf are the first names of a certificate.
func namesOf(c *x509.Certificate) string {
	const most = 3
	names := c.DNSNames
	if len(names) == 0 {
		return cmp.Or(c.Subject.CommonName, "no name")
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
