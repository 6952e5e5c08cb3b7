package proxy

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// A fastGet serves one plain GET or HEAD (http1.RequestHead.IsPlainGet), as most requests other than CONNECT are. It
// runs on the goroutine that reads the connection, without net/http's Server and Transport: their goroutines,
// contexts and buffers are most of what a small request costs. A head whose fields are all for the other end is
// copied field by field; see http1.AppendRequest and http1.AppendResponse. Every other head passes through the code
// of the standard path: evaluate, outgoing, prepareResponse, failureOf, refusal, and net/http's parsers and writers.
// FuzzGet compares the two paths.
type fastGet struct {
	x       *exchange
	client  *clientConn
	request *plainGet
	ctx     context.Context // of the dial, and done when the request is cut off

	mu   sync.Mutex  // guards what follows: another goroutine may cut the request off
	conn *pooledConn // in use; may be nil
	cut  bool

	closes bool // the client's connection ends with this request
	login  bool // the connection to the origin is to be reserved for the client

	// The following are set for a response that is forwarded by copying fields; see readPlain.
	plain       http1.PlainResponse
	plainStatus int
	head        *bytes.Buffer // for the client, without what is known only when it is sent
}

// serveGet implements connOwner.
func (s *Server) serveGet(c *clientConn, r *plainGet) (goesOn bool) {
	x := s.newExchange(c, r.method)
	g := &fastGet{x: x, client: c, request: r, closes: r.closes}
	if r.parsed != nil {
		x.evaluate(r.parsed)
	} else {
		x.evaluatePlain(r)
	}
	if !x.decision.Permit {
		g.refuse(x.denial())
		return !g.closes
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g.ctx = ctx
	x.cancel = func() {
		cancel()
		g.breakOff()
	}
	s.track(x)
	stop := c.watch(false, x.cancel)
	word := proxystatus.Internal // unless serve returns
	defer func() {
		stop()
		x.close(word)
	}()
	word = g.serve()
	return !g.closes
}

// serve does everything after the decision. It returns the word for the close record.
func (g *fastGet) serve() (word string) {
	x := g.x
	resp, err := g.fetch()
	if err == nil && resp == nil {
		word = g.passPlain()
		g.release(word == "" && !g.plain.Closes)
		if word != "" {
			g.closes = true
		}
		return word
	}
	if err != nil {
		g.release(false)
		x.failure = x.failureOf(g.ctx, err)
		if f := x.failureResponse(); f != nil {
			g.refuse(f)
		} else {
			g.closes = true
		}
		return x.failure.word
	}
	g.login = offersLogin(resp.Header)
	word = g.pass(resp)
	g.release(word == "" && !resp.Close)
	if word != "" {
		g.closes = true // the response is truncated: the client must not take it for complete
	}
	return word
}

// fetch sends the request and reads the response's head. It returns nil if that is g.plain, with its bytes in g.head.
// On a connection that was used before, the origin may be closing at that moment: a request that is safe to repeat is
// sent again (RFC 9110, 9.2.2).
func (g *fastGet) fetch() (*http.Response, error) {
	head := g.request.head
	if g.request.parsed != nil {
		buf := takeHeadBuffer()
		defer giveHeadBuffer(buf)
		if err := g.x.outgoing(g.request.parsed).Write(buf); err != nil {
			return nil, err
		}
		head = buf.Bytes()
	}
	for {
		reused, err := g.connect()
		if err != nil {
			return nil, err
		}
		resp, err := g.exchangeHeads(head, reused)
		if err == nil || !reused || g.conn.reader.Responses.HasBegun() || isDeadline(err) || g.ctx.Err() != nil {
			return resp, err
		}
		g.release(false)
	}
}

// connect takes an idle connection from the pool, or opens one.
func (g *fastGet) connect() (reused bool, err error) {
	x := g.x
	if err := x.renew(); err != nil {
		return false, err
	}
	pool := &x.srv.origins
	key := originKey{class: x.permit.AddrClass(), target: x.request.Target}
	conn, reused := pool.take(key, &x.permit).(*pooledConn)
	if reused {
		x.useRoute(conn.route, true)
	} else {
		c, err := x.open(g.ctx, x.permit)
		if err != nil {
			return false, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok { // it leads through an upstream proxy: the standard path serves such requests
			c.Close()
			return false, errNoEgress
		}
		conn = pool.newPooledConn(key, tcp, x.route)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn = conn; g.cut {
		conn.Close()
	}
	return reused, nil
}

// breakOff closes the connection to the origin, and any that the request would open later.
func (g *fastGet) breakOff() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cut = true; g.conn != nil {
		g.conn.Close()
	}
}

// release gives up the connection. whole says that the response was read to its end.
func (g *fastGet) release(whole bool) {
	g.mu.Lock()
	conn := g.conn
	g.conn = nil
	whole = whole && !g.cut
	g.mu.Unlock()
	if conn == nil {
		return
	}
	switch {
	case !whole:
		conn.Close()
	case g.login:
		g.own(conn)
	case !g.x.srv.origins.give(conn):
		conn.Close()
	}
}

// own reserves conn for the client connection.
func (g *fastGet) own(conn *pooledConn) {
	s := g.x.srv
	if !conn.reusable() {
		conn.Close()
		return
	}
	sl := s.newSlot(s.own(g.client, conn.key))
	sl.first, sl.route, sl.era = conn.tcp, conn.route, conn.era
	if !s.origins.give(sl) {
		sl.Close()
	}
}

// exchangeHeads writes the request and reads up to the head of the final response. An origin that stops reading the
// request may have responded nevertheless (RFC 9112, 9.5).
func (g *fastGet) exchangeHeads(head []byte, reused bool) (*http.Response, error) {
	c := g.conn
	c.reader.Responses.Expect(g.request.method, false)
	if limit := g.x.srv.Options.ResponseTimeout.Or(0); limit > 0 {
		c.tcp.SetDeadline(time.Now().Add(limit))
		defer c.tcp.SetDeadline(noDeadline)
	}
	_, unsent := c.tcp.Write(head)
	if unsent != nil && reused {
		return nil, unsent
	}
	if unsent == nil && g.readPlain() {
		return nil, nil
	}
	resp, err := c.reader.ReadHead(&http.Request{Method: g.request.method}, unsent, g.writeInformational)
	if err != nil {
		return nil, err
	}
	return resp, badStatus(resp.StatusCode)
}

// writeInformational forwards an informational (1xx) response (RFC 9110, 15.2), except 100: that is for a body, and
// there is none.
func (g *fastGet) writeInformational(resp *http.Response) error {
	if resp.StatusCode == http.StatusContinue {
		return nil
	}
	cleanResponse(resp.Header)
	delete(resp.Header, "Content-Length") // of no body (RFC 9110, 8.6)
	buf := takeHeadBuffer()
	defer giveHeadBuffer(buf)
	writeStatusLine(buf, resp.StatusCode)
	resp.Header.Write(buf)
	buf.WriteString("\r\n")
	_, err := g.client.Write(buf.Bytes())
	if err != nil {
		g.x.cancel() // the client is gone, not the origin
	}
	return err
}

// refuse responds with f. The client's connection stays open, unless it is to end anyway.
func (g *fastGet) refuse(f *refusal) {
	if g.x.srv.draining.Load() {
		g.closes = true
	}
	if g.x.respondRaw(f, 1, g.request.form(), g.closes) != nil {
		g.closes = true // after a truncated response the connection cannot be reused
	}
}

// A plainGet is the head of a plain GET or HEAD.
type plainGet struct {
	method string
	// parsed is the head as net/http reads it, if copying fields is not enough; else nil.
	parsed *http.Request
	// The following are set if parsed is nil.
	path, query string
	head        []byte // as it goes to the origin
	accept      []byte // in head

	closes bool // the client's connection ends with this request
}

var plainGets = sync.Pool{New: func() any { return new(plainGet) }}

// release returns r to its pool.
func (r *plainGet) release() {
	*r = plainGet{head: r.head[:0]}
	plainGets.Put(r)
}

// read reads b, which has passed the filter as h and has the request target asked. It reports false if the request is
// for the standard path.
func (r *plainGet) read(h *http1.RequestHead, b []byte, asked *http1.RequestTarget, via string) bool {
	if r.method = http.MethodGet; h.Method[0] == 'H' {
		r.method = http.MethodHead
	}
	if !asked.Target.IsZero() && r.forward(h, b, asked.Target, via) {
		return true
	}
	parsed, err := readRequest(b)
	if err != nil {
		r.release()
		return false
	}
	r.parsed, r.closes = parsed, parsed.Close
	return true
}

// forward makes r.head. It reports false if copying the fields of b is not enough.
func (r *plainGet) forward(h *http1.RequestHead, b []byte, target policy.Target, via string) bool {
	path, query, hasQuery := http1.SplitPath(string(h.Target))
	if strings.HasPrefix(path, "//") { // see originURL
		return false
	}
	out := append(append(append(r.head[:0], r.method...), ' '), path...)
	if hasQuery {
		out = append(append(out, '?'), query...)
	}
	out = append(append(append(out, " HTTP/1.1\r\nHost: "...), hostField(target)...), "\r\n"...)
	out, found, ok := http1.AppendRequest(out, b)
	r.head = out
	if !ok {
		return false
	}
	r.head = append(append(append(out, "Via: 1.1 "...), via...), "\r\n\r\n"...)
	r.path, r.query, r.closes, r.accept = path, query, found.Closes, found.Accept
	return true
}

// form is the form in which the client prefers the proxy's own pages.
func (r *plainGet) form() accepted {
	switch {
	case r.parsed != nil:
		return negotiate(r.parsed.Header["Accept"])
	case len(r.accept) > 0:
		return negotiate([]string{string(r.accept)})
	}
	return acceptText
}

// readRequest parses a head that the filter has accepted as plain.
func readRequest(head []byte) (*http.Request, error) {
	p := requestReaders.Get().(*requestReader)
	defer requestReaders.Put(p)
	p.bytes.Reset(head)
	p.buffered.Reset(&p.bytes)
	return http.ReadRequest(p.buffered)
}

// A requestReader parses heads that are in memory.
type requestReader struct {
	bytes    bytes.Reader
	buffered *bufio.Reader
}

var requestReaders = sync.Pool{New: func() any { return &requestReader{buffered: bufio.NewReader(nil)} }}

// headBuffers hold heads, and small bodies that follow them, until they are written.
var headBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeHeadBuffer() *bytes.Buffer { return headBuffers.Get().(*bytes.Buffer) }

func giveHeadBuffer(b *bytes.Buffer) {
	if b.Cap() <= 64<<10 {
		b.Reset()
		headBuffers.Put(b)
	}
}
