package ship

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"webproxy/certs"
	"webproxy/internal/smallfile"
)

// connectTimeout bounds reaching a receiver, the TLS handshake included.
const connectTimeout = 10 * time.Second

// A dialer opens connections to one receiver.
type dialer struct {
	address    string // host and port
	encrypted  bool
	serverName string
	tls        certs.ClientFiles
	files      *smallfile.Reader
}

func newDialer(r *ReceiverSpec) dialer {
	u := r.address()
	d := dialer{address: hostPort(u), encrypted: r.encrypted(), serverName: r.ServerName,
		tls: certs.ClientFiles{CA: r.CA, Cert: r.Cert, Key: r.Key}, files: new(smallfile.Reader)}
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
	cfg, err := d.tls.Config(d.files)
	if err != nil {
		return nil, err
	}
	cfg.ServerName = d.serverName
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
