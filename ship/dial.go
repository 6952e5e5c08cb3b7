package ship

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// maxPEM bounds a file of certificates, or of a key, in bytes.
const maxPEM = 1 << 20

// connectTimeout bounds reaching a receiver, the TLS handshake included.
const connectTimeout = 10 * time.Second

// A dialer opens connections to one receiver.
type dialer struct {
	address    string // host and port
	encrypted  bool
	serverName string
	ca         string // files; may be empty
	cert, key  string
	files      *smallfile.Reader
}

func newDialer(r *ReceiverSpec) dialer {
	u := r.address()
	d := dialer{address: hostPort(u), encrypted: r.encrypted(), serverName: r.ServerName, ca: r.CA, cert: r.Cert, key: r.Key, files: new(smallfile.Reader)}
	if d.serverName == "" {
		d.serverName = u.Hostname()
	}
	return d
}

// dial connects; the caller closes the connection. It reads the TLS files anew, so that a renewed certificate is
// used.
func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if !d.encrypted {
		return new(net.Dialer).DialContext(ctx, "tcp", d.address)
	}
	cfg, err := d.tlsConfig()
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	c := tls.Client(conn, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", d.address, err)
	}
	return c, nil
}

// tlsConfig reads the files and returns the configuration of a TLS client.
func (d *dialer) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: d.serverName, MinVersion: tls.VersionTLS12}
	if d.ca != "" {
		pem, err := d.files.Read(d.ca, maxPEM, nil)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s: no certificate in it; want PEM", d.ca)
		}
	}
	if d.cert != "" {
		pair, err := d.readPair()
		if err != nil {
			return nil, fmt.Errorf("cert and key: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// readPair reads the client certificate and its key, which nobody else may read.
func (d *dialer) readPair() (tls.Certificate, error) {
	cert, err := d.files.Read(d.cert, maxPEM, nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := privatefile.ReadBy(d.files, d.key, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// closeWrite closes the connection for writing (half-close).
func closeWrite(conn net.Conn) error {
	if c, ok := conn.(*tls.Conn); ok {
		if err := c.CloseWrite(); err != nil { // close_notify (RFC 5425, 4.4)
			return err
		}
		conn = c.NetConn()
	}
	c, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("connection cannot be closed for writing")
	}
	return c.CloseWrite()
}
