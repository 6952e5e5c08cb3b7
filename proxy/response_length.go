package proxy

import (
	"io"
	"net/http"
	"webproxy/proxy/internal/http1"
)

const errLongBody http1.ResponseError = "body longer than its Content-Length"

// checkLength ensures that a response has at most one Content-Length, with one meaning (RFC 9110, 8.6). net/http does
// so for HTTP/1.1. For an HTTP/2 origin it passes on whatever came, and a client of HTTP/1.1 could not tell where
// such a response ends. Repetitions of the same length become one.
func checkLength(resp *http.Response) error {
	values := resp.Header["Content-Length"]
	if len(values) == 0 {
		return nil
	}
	n, ok := http1.ParseLength([]byte(values[0]))
	if !ok {
		return http1.ErrResponseLength
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return http1.ErrResponseLengths
		}
	}
	resp.Header["Content-Length"] = values[:1]
	if resp.ContentLength >= 0 {
		return nil
	}
	resp.ContentLength = n
	if resp.Request == nil || resp.Request.Method != http.MethodHead {
		resp.Body = &countedBody{ReadCloser: resp.Body, left: n}
	}
	return nil
}

// A countedBody is a body that ends well only after left more bytes.
type countedBody struct {
	io.ReadCloser
	left int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), errLongBody
	}
	if b.left -= int64(n); err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
