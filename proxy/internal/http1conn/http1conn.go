// Package http1conn is the client side of HTTP/1.1 on one connection: it reads response heads, and keeps bytes that
// were read too early for the next reader. It neither dials nor writes.
package http1conn

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"webproxy/proxy/internal/http1"
)

// A Reader reads the responses on a connection to an origin or an upstream proxy. It is used by one goroutine at a
// time, except for the methods of Responses that say otherwise.
type Reader struct {
	Responses http1.ResponseStream // of the connection; the strict parser
	Buffer    *bufio.Reader        // of Responses
}

// Reset makes r read from source. It is called once, before r is used.
func (r *Reader) Reset(source io.Reader) {
	r.Responses.Source = source
	r.Buffer = bufio.NewReader(&r.Responses)
}

// ReadHead reads the head of the final response to req, which was announced to Responses.Expect. A 101 is final here.
// Informational (1xx) responses before it are passed to informational, if that is not nil; its error ends the
// reading. Responses bounds their number and their size.
//
// unsent is the error of sending req, or nil. A server that has not read the whole request may have responded
// nevertheless (RFC 9112, 9.5); if it has not, unsent is the error returned.
func (r *Reader) ReadHead(req *http.Request, unsent error, informational func(*http.Response) error) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r.Buffer, req)
		switch {
		case err != nil && unsent != nil:
			return nil, unsent
		case err != nil:
			return nil, err
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			return resp, nil
		case informational == nil:
			continue
		}
		if err := informational(resp); err != nil {
			return nil, err
		}
	}
}

// TakeBuffered returns the bytes after the head that began a tunnel which have been read already. From then on the
// connection is read without r.
func (r *Reader) TakeBuffered() Buffered {
	b, _ := r.Buffer.Peek(r.Buffer.Buffered())
	return append(b[:len(b):len(b)], r.Responses.TakeRaw()...)
}

// Buffered are bytes of a connection that were read before their reader was known. They precede the next bytes of the
// connection.
type Buffered []byte

// Take moves bytes from b to p, and returns how many.
func (b *Buffered) Take(p []byte) int {
	n := copy(p, *b)
	if *b = (*b)[n:]; len(*b) == 0 {
		*b = nil // so that the connection does not keep their memory
	}
	return n
}

// A Conn is a connection of which some bytes have been read already.
type Conn struct {
	net.Conn
	Buffered Buffered
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.Buffered) > 0 {
		return c.Buffered.Take(p), nil
	}
	return c.Conn.Read(p)
}

// Unwrap returns the connection below c, and the bytes that have been read of it.
func Unwrap(c net.Conn) (net.Conn, Buffered) {
	if b, ok := c.(*Conn); ok {
		return b.Conn, b.Buffered
	}
	return c, nil
}
