package proxy

import (
	"errors"
	"io"
)

// isInputEnd reports whether err says that the client has ended its sending side: by FIN, or inside TLS by
// close_notify. It may still want the responses to what it has asked (RFC 9112, 9.6): whether it is there
// to take them is known when something is sent to it, or when it resets the connection.
func isInputEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // TLS without close_notify
}

var errClientReset = errors.New("the client has reset the connection")

// readAhead reads and holds what the client sends, until that is a head's size, which is no error, or until
// reading fails.
func (c *clientConn) readAhead() error {
	b := make([]byte, 512) // much less than is held when there is something to hold
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
