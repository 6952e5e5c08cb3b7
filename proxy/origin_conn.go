package proxy

import (
	"net"
	"sync"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

// An originConn is a pooled connection that remembers its route.
type originConn struct {
	net.Conn
	route  egress.Route
	closed func() // called by Close; may be nil
	// responses is the reader of the connection; nil if it is not HTTP/1.
	responses *http1.ResponseStream

	once sync.Once
	over chan struct{} // closed by Close; nil if responses is
}

// newHTTP1Conn returns conn as a connection for requests of HTTP/1. It closes conn.
func newHTTP1Conn(conn net.Conn, route egress.Route) *originConn {
	return &originConn{Conn: conn, route: route, responses: &http1.ResponseStream{Source: conn}, over: make(chan struct{})}
}

// Read implements net.Conn.
func (c *originConn) Read(p []byte) (int, error) {
	if c.responses == nil {
		return c.Conn.Read(p)
	}
	return c.responses.Read(p)
}

// Write implements net.Conn. A server may respond, and close the connection, without having read the whole request
// (RFC 9112, 9.5). http.Transport drops such a response if a write fails. So Write reports a failure only after the
// Transport has closed the connection: it does that after the response, and when reading fails, as it does on a
// connection that is closed.
func (c *originConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && c.over != nil {
		<-c.over
	}
	return n, err
}

// Close implements net.Conn.
func (c *originConn) Close() error {
	c.once.Do(func() {
		if c.over != nil {
			close(c.over)
		}
		if c.closed != nil {
			c.closed()
		}
	})
	return c.Conn.Close()
}
