//go:build linux

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// workInspect measures inspected TLS: requests inside a tunnel, and whole tunnels. Each proxy verifies the
// origin's certificate before it shows one of its own.
func workInspect(b *bench, _ string) {
	trust := map[*peer]*x509.CertPool{}
	start := func(p *peer) (*process, error) {
		s, err := b.setUp(p, 100)
		if err != nil {
			return nil, err
		}
		args, pem, err := p.inspect(s)
		if err != nil {
			return nil, fmt.Errorf("does not inspect here: %w", err)
		}
		trust[p] = x509.NewCertPool()
		trust[p].AppendCertsFromPEM(pem)
		return s.run(p, args)
	}
	b.interleavedBy(start, func(p *peer) bool { return p.inspect != nil }, func(p *peer, proc *process) error {
		return b.inspected(p, proc, &tls.Config{ServerName: "localhost", RootCAs: trust[p]})
	})
}

// inspected is one turn.
func (b *bench) inspected(p *peer, proc *process, config *tls.Config) error {
	host := b.origin.at(b.origin.tls)
	open := func() (*client, error) {
		c, err := dial(proc.addr)
		if err != nil {
			return nil, err
		}
		if err = c.connect(host); err == nil {
			secure := tls.Client(c.Conn, config)
			c.Conn, err = secure, secure.Handshake()
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
	get := func(c *client) error { return c.get("/1k", host, int64(len(kilobyte))) }
	l, err := drive(proc, clients, b.duration, func() (func() error, func(), error) {
		c, err := open()
		if err != nil {
			return nil, nil, err
		}
		return func() error { return get(c) }, func() { c.Close() }, nil
	})
	if err != nil {
		return err
	}
	b.report.add("inspected GET 1 KiB, kept alive, CPU us", "%.0f", p.name, l.perOp())
	b.report.add("the same, requests/s", "%.0f", p.name, float64(l.ops)/l.took.Seconds())
	if err := l.sound(); err != nil {
		return err
	}
	l, err = drive(proc, clients, b.duration, once(func() error {
		c, err := open()
		if err != nil {
			return err
		}
		defer c.Close()
		return get(c)
	}))
	if err != nil {
		return err
	}
	b.report.add("inspected tunnel: both TLS handshakes, one GET, close, CPU us", "%.0f", p.name, l.perOp())
	b.report.add("the same, inspected tunnels/s", "%.0f", p.name, float64(l.ops)/l.took.Seconds())
	return l.sound()
}

func inspectByWebproxy(program string) func(*setup) ([]string, []byte, error) {
	return func(s *setup) (args []string, trust []byte, err error) {
		if err := webproxyNames(s); err != nil {
			return nil, nil, err
		}
		if err := s.write("origin.pem", string(s.origin.authority)); err != nil {
			return nil, nil, err
		}
		config := fmt.Sprintf(`listen: ["127.0.0.1:%d"]
policy:
  clients: { local: [127.0.0.0/8] }
  rules:
    - { id: names, file: names.txt }
    - { id: origin, hosts: [localhost], ports: [%d], private: allow, inspect: true }
inspection: { roots: [origin.pem] }
proxy: { max_connections_per_client: 8000 }
egress: { hosts: { localhost: [127.0.0.1] } }
audit: { dir: audit, fold_window: off }
dashboard: { listen: off }
`, s.port, s.origin.tls)
		if err := s.write("webproxy.yaml", config); err != nil {
			return nil, nil, err
		}
		if text, err := exec.Command(program, "ca", "init", "--config", s.path("webproxy.yaml")).CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("webproxy ca init: %w\n%s", err, text)
		}
		trust, err = exec.Command(program, "ca", "export", "--config", s.path("webproxy.yaml")).Output()
		return []string{"serve", "--config", s.path("webproxy.yaml")}, trust, err
	}
}

// certgen makes certificates for Squid, if it is Debian's squid-openssl.
const certgen = "/usr/lib/squid/security_file_certgen"

func inspectBySquid(s *setup) (args []string, trust []byte, err error) {
	if _, err := os.Stat(certgen); err != nil {
		return nil, nil, errors.New("this squid has no ssl_bump: it is in Debian's squid-openssl")
	}
	if args, err = configureSquid(s); err != nil {
		return nil, nil, err
	}
	key, cert, err := newAuthority()
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	trust = certificatePEM(cert)
	pair := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), trust...)
	if err := errors.Join(s.write("origin.pem", string(s.origin.authority)), s.write("authority.pem", string(pair))); err != nil {
		return nil, nil, err
	}
	db := s.path("certificates")
	for _, cmd := range [][]string{{certgen, "-c", "-s", db, "-M", "4MB"}, {"chown", "-R", "proxy", db}} { // Squid drops root
		if text, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w\n%s", cmd[0], err, text)
		}
	}
	config, err := os.ReadFile(s.path("squid.conf"))
	if err != nil {
		return nil, nil, err
	}
	listening := fmt.Appendf(nil, "http_port 127.0.0.1:%d", s.port)
	config = bytes.Replace(config, listening, append(listening, " ssl-bump generate-host-certificates=on cert="+s.path("authority.pem")...), 1)
	config = fmt.Appendf(config, `sslcrtd_program %s -s %s -M 4MB
acl first at_step SslBump1
acl second at_step SslBump2
ssl_bump peek first
ssl_bump stare second
ssl_bump bump all
tls_outgoing_options cafile=%s min-version=1.2
`, certgen, db, s.path("origin.pem"))
	return args, trust, s.write("squid.conf", string(config))
}

// newAuthority makes a temporary authority.
func newAuthority() (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	cert, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "bench"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, key, key)
	return key, cert, err
}

// sign signs t, which may be its own issuer.
func sign(t, issuer *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	t.SerialNumber = big.NewInt(time.Now().UnixNano())
	t.NotBefore, t.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if issuer == nil {
		issuer = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, &key.PublicKey, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// serveTLS serves o.tls, by HTTP/1.1.
func (o *origin) serveTLS() error {
	key, issuer, err := newAuthority()
	if err != nil {
		return err
	}
	leaf, err := sign(&x509.Certificate{DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature}, issuer, key, key)
	if err != nil {
		return err
	}
	o.authority = certificatePEM(issuer)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	})
	if err != nil {
		return err
	}
	o.tls = ln.Addr().(*net.TCPAddr).Port
	go http.Serve(ln, http.HandlerFunc(serveBody))
	return nil
}
