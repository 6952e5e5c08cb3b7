package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// ClientFiles are the PEM files of a TLS client. Each may be empty; Cert and Key are there both, or neither.
type ClientFiles struct {
	// CA has the authorities that the server's certificate is verified against. Default: those of the system.
	CA string
	// Cert and Key are the certificate that the server may ask for, and its private key, which nobody else may read.
	Cert, Key string
}

// Config reads the files by r, each of at most 1 MiB, and returns a configuration for one server, whose name the caller sets. Callers
// who read them for each connection use files that were replaced. An error begins with the setting whose file it is about: ca, cert
// or key.
func (f *ClientFiles) Config(r *smallfile.Reader) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := r.Read(f.CA, maxPEM, nil)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s: no certificate in it; want PEM", f.CA)
		}
	}
	if f.Cert == "" && f.Key == "" {
		return config, nil
	}
	cert, err := r.Read(f.Cert, maxPEM, nil)
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	key, err := privatefile.ReadBy(r, f.Key, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cert: %s with key %s: %w", f.Cert, f.Key, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
