package proxy

import (
	"bytes"
	"slices"
)

// statusLineFixed is the length of a status line up to the reason phrase, without the space before it.
const statusLineFixed = len("HTTP/1.1 403")

// writeStatusLine writes b, which begins with the status line of a response of ours, with c.reasonPhrase for its
// reason phrase. net/http writes only the phrases of its own table, and has no way to set another one. But clients
// show the phrase where they hide the body, so it says what was denied and why. The fast path writes its status lines
// itself, and does not use this.
func (c *clientConn) writeStatusLine(b []byte) (int, error) {
	phrase := c.reasonPhrase
	c.reasonPhrase = ""
	end := bytes.Index(b, crlf)
	if end < statusLineFixed || !bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return c.conn.Write(b) // not as net/http writes it: left as it is
	}
	out := slices.Concat(b[:statusLineFixed], []byte(" "+phrase), b[end:])
	if _, err := c.conn.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
