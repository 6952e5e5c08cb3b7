package config

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"

	"webproxy/certs"
	"webproxy/internal/spelling"
	"webproxy/policy"
)

// ListenTLSOptions is the listen_tls section of webproxy.yaml: clients that speak TLS to the proxy itself.
type ListenTLSOptions struct {
	// Listen are the addresses: one, or a list. Default: none.
	Listen Addresses `yaml:"listen"`
	// Cert is a PEM file: the proxy's certificate, followed by the intermediate ones. This and the
	// next two are read again when they are replaced.
	Cert string `yaml:"cert"`
	// Key is the PEM file of its private key.
	Key string `yaml:"key"`
	// ClientCA is a PEM file of authorities. A client may present a certificate that one of them has issued. Default:
	// none; clients are not asked for a certificate.
	ClientCA string `yaml:"client_ca"`
	// Clients maps client groups to names in certificates. A client with such a name is in the group, whatever its
	// address. Names are DNS names, such as "*.nodes.example.com", or whole subjects, "CN=node1,O=Example".
	Clients map[string][]string `yaml:"clients"`
}

// TLSFiles are the certificate files of the listeners.
func (o *ListenTLSOptions) TLSFiles() *certs.Server {
	return &certs.Server{Cert: o.Cert, Key: o.Key, ClientCA: o.ClientCA}
}

// A certName is a name that puts a client into a group: one of the two ways to write it.
type certName struct {
	group   string
	subject string
	host    policy.Pattern
}

// isSubject distinguishes a distinguished name from a host.
func isSubject(s string) bool { return strings.Contains(s, "=") }

// Identity returns the function that finds the group and the name of a client by its certificate; both are empty if
// none of Clients matches.
func (o *ListenTLSOptions) Identity() func(*x509.Certificate) (group, name string) {
	names, _ := o.certNames()
	return func(c *x509.Certificate) (group, name string) {
		subject := c.Subject.String()
		for _, n := range names {
			if n.subject != "" && n.subject == subject {
				return n.group, subject
			}
			for _, san := range c.DNSNames {
				if n.subject == "" && n.host.Matches(strings.ToLower(san)) {
					return n.group, strings.ToLower(san)
				}
			}
		}
		return "", ""
	}
}

// certNames reads Clients. Problems are by the path of the setting, below listen_tls.
func (o *ListenTLSOptions) certNames() ([]certName, map[string]error) {
	var names []certName
	problems := map[string]error{}
	owner := map[string]string{}
	for _, group := range slices.Sorted(maps.Keys(o.Clients)) {
		for i, s := range o.Clients[group] {
			at := fmt.Sprintf("clients.%s[%d]", group, i)
			n := certName{group: group}
			var err error
			if isSubject(s) {
				n.subject = s
			} else {
				n.host, err = policy.ParsePattern(s)
			}
			if other, twice := owner[s]; twice && err == nil {
				err = fmt.Errorf("%q is in group %s already", s, other)
			}
			owner[s] = group
			if err != nil {
				problems[at] = err
				continue
			}
			names = append(names, n)
		}
	}
	return names, problems
}

// checkListenTLS checks the listen_tls section, files included: a Config that loads can run.
func (l *loader) checkListenTLS() {
	o := &l.cfg.ListenTLS
	if l.failed("listen_tls") {
		return
	}
	if len(o.Listen) == 0 {
		if o.Cert != "" || o.Key != "" || o.ClientCA != "" || len(o.Clients) > 0 {
			l.fail("listen_tls", "has no address to listen on", `add listen: ":9443"`)
		}
		return
	}
	for _, f := range []struct{ name, path string }{{"cert", o.Cert}, {"key", o.Key}} {
		if f.path == "" {
			l.fail("listen_tls", f.name+" is missing", "name a PEM file")
			return
		}
	}
	if _, err := o.TLSFiles().Config(); err != nil {
		l.fail("listen_tls", err.Error(), "")
	}
	if len(o.Clients) > 0 && o.ClientCA == "" {
		l.fail("listen_tls.clients", "clients are not asked for certificates", "add client_ca")
	}
	_, problems := o.certNames()
	for _, at := range slices.Sorted(maps.Keys(problems)) {
		l.fail("listen_tls."+at, problems[at].Error(), `write a host, "*.example.com", or a whole subject, "CN=node1,O=Example"`)
	}
	for _, group := range slices.Sorted(maps.Keys(o.Clients)) {
		if _, ok := l.cfg.Policy.Clients[group]; !ok && !(group == "default" && len(l.cfg.Policy.Clients) == 0) {
			known := slices.Sorted(maps.Keys(l.cfg.Policy.Clients))
			msg, hint := fmt.Sprintf("no client group %q", group), "name it in policy.clients"
			if near := spelling.Nearest(group, known); near != "" {
				msg, hint = fmt.Sprintf("%s; did you mean %q?", msg, near), ""
			}
			l.problems = append(l.problems, l.doc.atKey("listen_tls.clients."+group, msg, hint))
		}
	}
}
