package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/proxy/internal/http1"
)

// pass forwards the origin's response to the client. It returns the word for the close record, which is empty if the
// whole response was forwarded.
func (g *fastGet) pass(resp *http.Response) (word string) {
	x := g.x
	x.setStatus(resp.StatusCode)
	x.rec.Redirect = redirection(resp, x.request.Target)
	size := resp.ContentLength
	x.prepareResponse(resp)
	if x.srv.draining.Load() {
		g.closes = true
	}
	buf := takeHeadBuffer()
	defer giveHeadBuffer(buf)
	body := hasBody(g.request.method, resp.StatusCode)
	g.writeHead(buf, resp, body)
	var err error
	switch {
	case !body:
		_, err = g.client.Write(buf.Bytes())
	case size < 0:
		err = g.passChunked(buf, resp)
	default:
		err = g.passCounted(buf, size)
	}
	return g.passed(err)
}

// readPlain reads the head of a final response that is forwarded by copying its fields, and reports whether there is
// one. If not, nothing was consumed from g.conn.reader.
func (g *fastGet) readPlain() bool {
	b := g.conn.reader.Buffer
	if _, err := b.Peek(1); err != nil {
		return false // the next read returns the error again
	}
	head, _ := b.Peek(b.Buffered())
	end, status := http1.PlainResponseEnd(head)
	if end == 0 {
		return false
	}
	g.head = takeHeadBuffer()
	writeStatusLine(g.head, status)
	fields, plain, ok := http1.AppendResponse(g.head.AvailableBuffer(), head[:end], serverName)
	if !ok {
		giveHeadBuffer(g.head)
		g.head = nil
		return false
	}
	g.head.Write(fields)
	g.plain, g.plainStatus = plain, status
	b.Discard(end)
	return true
}

// passPlain is pass for a response that readPlain has read.
func (g *fastGet) passPlain() (word string) {
	x, buf := g.x, g.head
	defer giveHeadBuffer(buf)
	x.setStatus(g.plainStatus)
	if x.srv.draining.Load() {
		g.closes = true
	}
	if g.closes {
		buf.WriteString("Connection: close\r\n")
	}
	if !g.plain.Dated { // RFC 9110, 6.6.1
		buf.WriteString("Date: ")
		buf.Write(time.Now().UTC().AppendFormat(buf.AvailableBuffer(), http.TimeFormat))
		buf.WriteString("\r\n")
	}
	buf.WriteString("Via: 1.1 ")
	buf.WriteString(x.srv.via)
	buf.WriteString("\r\n\r\n")
	if hasBody(g.request.method, g.plainStatus) {
		return g.passed(g.passCounted(buf, g.plain.Length))
	}
	_, err := g.client.Write(buf.Bytes())
	return g.passed(err)
}

// passed is the word for the close record after a response; empty if all of it was forwarded.
func (g *fastGet) passed(err error) (word string) {
	switch {
	case err == nil:
		return ""
	case g.ctx.Err() != nil, err != errIncomplete:
		return wordClientGone // or what x.cut says
	}
	return proxystatus.Incomplete
}

// pace limits the response to the client's rate.
func (g *fastGet) pace() pace { return g.x.srv.rates.pace(g.x.request.Client, g.ctx.Done()) }

// errIncomplete means that the origin's response is truncated; any other error is of the client's connection.
var errIncomplete = errors.New("the response is truncated")

// hasBody reports whether a body follows a response's head (RFC 9112, 6.3).
func hasBody(method string, status int) bool {
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}

// writeHead writes the head of the final response. The fields about the end of the body are written anew: an origin's
// Connection field may have named Content-Length.
func (g *fastGet) writeHead(buf *bytes.Buffer, resp *http.Response, body bool) {
	writeStatusLine(buf, resp.StatusCode)
	h := resp.Header
	if g.closes {
		h["Connection"] = append(h["Connection"], "close")
	}
	if _, ok := h["Date"]; !ok { // RFC 9110, 6.6.1
		h["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
	}
	switch {
	case !hasBody("", resp.StatusCode):
		delete(h, "Content-Length") // of no body; a 204 must not have it (RFC 9110, 8.6)
	case body && resp.ContentLength >= 0:
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	case body:
		h["Transfer-Encoding"] = []string{"chunked"}
		if len(resp.Trailer) > 0 {
			h["Trailer"] = []string{strings.Join(trailerNames(resp), ", ")}
		}
	}
	h.Write(buf)
	buf.WriteString("\r\n")
}

// writeStatusLine writes the status line with the phrase of net/http's table. The origin's phrase has no meaning (RFC
// 9112, 4).
func writeStatusLine(buf *bytes.Buffer, status int) {
	phrase := http.StatusText(status)
	if phrase == "" {
		phrase = "status code " + strconv.Itoa(status)
	}
	buf.WriteString("HTTP/1.1 ")
	buf.WriteString(strconv.Itoa(status))
	buf.WriteByte(' ')
	buf.WriteString(phrase)
	buf.WriteString("\r\n")
}

// passCounted forwards a body of known length. The part that came with the head is written together with it; the rest
// is copied as in tunnels, from socket to socket by the kernel where it can.
func (g *fastGet) passCounted(buf *bytes.Buffer, size int64) error {
	c := g.conn
	ready, _ := c.reader.Buffer.Peek(int(min(size, int64(c.reader.Buffer.Buffered()))))
	buf.Write(ready)
	c.reader.Buffer.Discard(len(ready))
	held := c.reader.Responses.TakeBody()
	buf.Write(held)
	if _, err := g.client.Write(buf.Bytes()); err != nil {
		return err
	}
	g.x.in.Add(int64(len(ready) + len(held)))
	if size -= int64(len(ready) + len(held)); size == 0 {
		return nil
	}
	f := &tunnelFlow{dst: g.client.conn, src: c.tcp, moved: &g.x.in, pools: &g.x.srv.tunnelPools, left: size, stall: g.client.limits.stall, pace: g.pace()}
	f.prepare()
	for f.left > 0 {
		if err := f.move(); err != nil && f.left > 0 {
			if f.undelivered {
				return err
			}
			return errIncomplete
		}
		f.pay()
	}
	c.reader.Responses.BodyMoved()
	return nil
}

// passChunked forwards a body of unknown length. What was read is written before the next read: the origin may pause
// for a long time between two lines.
func (g *fastGet) passChunked(buf *bytes.Buffer, resp *http.Response) error {
	space := g.x.srv.copies.take()
	defer g.x.srv.copies.give(space)
	if g.conn.reader.Buffer.Buffered() == 0 { // the body may be late: the client should see the head now
		if err := g.flush(buf); err != nil {
			return err
		}
	}
	pace := g.pace()
	for {
		n, err := resp.Body.Read((*space)[:pace.most(len(*space))])
		pace.spend(n)
		if n > 0 {
			buf.WriteString(strconv.FormatInt(int64(n), 16))
			buf.WriteString("\r\n")
			buf.Write((*space)[:n])
			buf.WriteString("\r\n")
		}
		if err == io.EOF {
			break
		}
		if err := g.flush(buf); err != nil {
			return err
		}
		if err != nil {
			g.x.noteMalformed(err)
			return errIncomplete
		}
	}
	buf.WriteString("0\r\n")
	for _, name := range trailerNames(resp) {
		http.Header{name: resp.Trailer[name]}.Write(buf)
	}
	buf.WriteString("\r\n")
	return g.flush(buf)
}

// trailerNames are the names of the trailer fields that resp announced.
func trailerNames(resp *http.Response) []string {
	names := make([]string, 0, len(resp.Trailer))
	for name := range resp.Trailer {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (g *fastGet) flush(buf *bytes.Buffer) error {
	_, err := g.client.Write(buf.Bytes())
	buf.Reset()
	return err
}
