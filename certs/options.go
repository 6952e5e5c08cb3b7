package certs

import (
	"crypto/x509"
	"fmt"

	"webproxy/internal/smallfile"
)

// Options are the settings under inspection: in the configuration.
type Options struct {
	// Dir is the directory of the authority that signs the certificates for inspected clients; webproxy ca makes it.
	// Relative to the configuration file. Default ./ca.
	Dir string `yaml:"dir"`
	// Roots are PEM files of authorities that are trusted besides the system's: for origins inside
	// inspected tunnels, and for upstream proxies by https. Relative to the configuration file. Default: none. A
	// running proxy applies other files, and other contents.
	Roots []string `yaml:"roots"`
}

// maxRoots bounds a file of authorities, in bytes: more than all public ones.
const maxRoots = 4 << 20

// DefaultDir is where the authority is without a setting.
const DefaultDir = "ca"

// Trusted returns the system's authorities and those of o.Roots; nil, which stands for the system's, if there are
// none.
func (o Options) Trusted() (*x509.CertPool, error) {
	if len(o.Roots) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's authorities: %w", err)
	}
	for _, path := range o.Roots {
		text, err := smallfile.Read(path, maxRoots)
		if err != nil {
			return nil, fmt.Errorf("inspection.roots: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("inspection.roots: %s: no certificate in PEM form", path)
		}
	}
	return pool, nil
}
