package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// A Server is the certificate files of the proxy as a TLS server. They are read again when a handshake finds that
// they were replaced; while the new ones do not match each other, the old ones stay. Its fields are set before Config
// is called.
//
//	s := certs.Server{Cert: "proxy.crt", Key: "proxy.key"}
//	config, err := s.Config()
type Server struct {
	// Cert and Key are PEM files: the certificate, followed by those that lead to its root, and its private key,
	// which nobody else may read.
	Cert, Key string
	// ClientCA is a PEM file of authorities. If set, clients may present a certificate, which one of these must have
	// issued. If empty, they are not asked for one.
	ClientCA string
	// RequireClient refuses clients without such a certificate.
	RequireClient bool
	// Problem is called with the error of new files that cannot be used, once for each change. It may be nil.
	Problem func(error)

	files smallfile.Reader // reads them, while handshakes wait

	mu      sync.Mutex // guards the fields below
	current *tls.Config
	texts   [3][]byte // of the files current was made of
	failed  [3][]byte // of those that could not be used
	looked  time.Time
}

// lookEvery is how long a handshake relies on an earlier one's check of the files.
const lookEvery = time.Second

const (
	// maxPEM bounds each file, in bytes.
	maxPEM = 1 << 20
	// handshakePatience is how long handshakes wait for a disk that hangs, once; then they use what was read before.
	handshakePatience = 2 * time.Second
)

// Config reads the files and returns a configuration that follows them: it asks s at every handshake.
func (s *Server) Config() (*tls.Config, error) {
	s.files.Patience = handshakePatience
	texts, err := s.read()
	if err != nil {
		return nil, err
	}
	config, err := s.parse(texts)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.texts, s.looked = config, texts, time.Now()
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.latest(), nil },
	}, nil
}

// Named reports whether the certificate is for a host name.
func (s *Server) Named(name string) bool {
	leaf := s.latest().Certificates[0].Leaf
	return leaf != nil && leaf.VerifyHostname(name) == nil
}

// Name is a host name that the certificate is for; empty if it is for patterns and addresses alone.
func (s *Server) Name() string {
	leaf := s.latest().Certificates[0].Leaf
	if leaf == nil {
		return ""
	}
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	return ""
}

// latest is the configuration of the current files, or of the last valid ones.
func (s *Server) latest() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < lookEvery {
		return s.current
	}
	s.looked = time.Now()
	texts, err := s.read()
	if err == nil && same(texts, s.texts) {
		return s.current
	}
	var config *tls.Config
	if err == nil {
		config, err = s.parse(texts)
	}
	if err == nil {
		s.current, s.texts, s.failed = config, texts, [3][]byte{}
		return config
	}
	if s.Problem != nil && !same(texts, s.failed) {
		s.Problem(fmt.Errorf("the certificate in use stays: %w", err))
	}
	s.failed = texts
	return s.current
}

// read returns the contents of the files; a file that is not set has none.
func (s *Server) read() (texts [3][]byte, err error) {
	for i, path := range []string{s.Cert, s.Key, s.ClientCA} {
		if path == "" {
			continue
		}
		var allow func(*os.File) error
		if i == 1 {
			allow = privatefile.Check
		}
		text, err := s.files.Read(path, maxPEM, allow)
		if err != nil {
			return [3][]byte{{0}}, err // equal to no other
		}
		texts[i] = text
	}
	return texts, nil
}

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// parse makes a configuration from the files' contents.
func (s *Server) parse(texts [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", s.Cert, s.Key, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}
	if s.ClientCA == "" {
		return config, nil
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(texts[2]) {
		return nil, fmt.Errorf("%s: %w", s.ClientCA, errors.New("no certificate in it"))
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if s.RequireClient {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
