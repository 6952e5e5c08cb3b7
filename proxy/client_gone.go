package proxy

import (
	"errors"
	"io"
)

// isInputEnd reports whether err says that the client has ended its sending side: by FIN, or inside TLS by
// close_notify. It may still want its responses (RFC 9112, 9.6). That it is gone is known only when it resets the
// connection, or when something is sent to it.
func isInputEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // TLS without close_notify
}

var errClientReset = errors.New("the client has reset the connection")

// readAhead reads and holds what the client sends, until a head's size is held, which is no error, or until reading
// fails.
func (c *clientConn) readAhead() error {
	b := make([]byte, 512) // small: a larger buffer is taken only when there is something to hold
	for c.hi-c.lo < c.limits.heads.size {
		n, err := c.conn.Read(b)
		if n > 0 {
			c.hold(b[:n])
		} else if err != nil {
			return err
		}
	}
	return nil
}
