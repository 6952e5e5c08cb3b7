package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

// forward sends a permitted plain HTTP request to its origin and the response to the client, both as a stream:
// nothing is stored, decompressed or reassembled on the way.
func (s *Server) forward(x *exchange, rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	x.cancel = cancel
	s.track(x)
	if r.Method == http.MethodOptions && lastHop(r.Header) {
		x.setStatus(http.StatusOK)
		rw.Header().Set("Server", serverName)
		rw.Header().Set("Content-Length", "0")
		x.close("")
		return
	}
	// Otherwise net/http would wait for the end of the request before it sends the response's first byte. An error
	// would mean that rw does not support it; net/http's does.
	http.NewResponseController(rw).EnableFullDuplex()
	w := newResponseWriter(x, rw, r)
	x.roundTrip = func(r *http.Request) (*http.Response, error) {
		if err := x.renew(); err != nil {
			x.failure = x.failureOf(r.Context(), err)
			return nil, err
		}
		return x.fetch(w, r, x.roundTripOrigin)
	}
	s.pass(x, w, r.WithContext(ctx))
}

// roundTripOrigin makes the request to the origin, directly or through an upstream proxy.
func (x *exchange) roundTripOrigin(r *http.Request) (*http.Response, error) {
	s := x.srv
	if x.inside != nil {
		return x.inside.roundTrip(x.decision, r)
	}
	if s.Egress != nil {
		if upstreams := s.Egress.Through(x.request.Target); len(upstreams) > 0 {
			return s.roundTripThrough(x.client, r, x.decision, upstreams)
		}
	}
	key := originKey{class: x.decision.AddrClass(), target: x.request.Target, slot: true}
	if beginsLogin(r.Header) {
		key = s.own(x.client, key)
	} else if own, ok := s.origins.ownKey(x.client, key); ok {
		key = own
	}
	return s.roundTripOn(key, x.client, &x.decision, r)
}

// pass has goproxy call x.roundTrip and copy the response into w, and ends the exchange.
func (s *Server) pass(x *exchange, w *responseWriter, r *http.Request) {
	word := proxystatus.Internal // unless pass runs to its end
	defer func() { x.close(word) }()
	defer w.beginBody()
	s.engine.ServeHTTP(w, x.with(r.Context(), r))
	if x.failure != nil {
		word = x.failure.word
		x.writeFailure(w.rw, r)
		w.leaveBody(r)
		return
	}
	if word = x.brokenWord(); word == "" {
		w.leaveBody(r)
		return
	}
	// A truncated response must not look complete: the client gets all bytes that arrived, and then an abort.
	w.Flush()
	if w.unframed {
		x.reset()
	}
	panic(http.ErrAbortHandler)
}

// reset ends the client's connection in a way that it cannot take for a regular end.
func (x *exchange) reset() {
	if x.inside != nil {
		x.inside.tunnel.client.reset()
		return
	}
	x.client.reset()
}

// brokenWord is the close record's word for bodies that were cut short; empty if both are complete.
func (x *exchange) brokenWord() string {
	if err := x.gotErr.Load(); err != nil {
		if errors.Is(*err, context.Canceled) {
			return wordClientGone
		}
		x.noteMalformed(*err)
		return proxystatus.Incomplete
	}
	return ""
}

// fetch makes the request to the origin, by roundTrip, and gets its response ready to be forwarded.
func (x *exchange) fetch(w *responseWriter, r *http.Request, roundTrip func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	out := x.outgoing(r)
	trace := &httptrace.ClientTrace{
		GotConn:        x.gotConn,
		Got1xxResponse: w.writeInformational,
	}
	ctx, halt := context.WithCancelCause(httptrace.WithClientTrace(x.srv.rates.dialsFor(withDecision(r.Context(), x.decision), x.request.Client), trace))
	x.halt = halt // otherwise it ends with the request
	x.tries, x.bodiless = 0, out.Body == nil || out.Body == http.NoBody
	if body, ok := out.Body.(*requestBody); ok {
		trace.WroteRequest = func(httptrace.WroteRequestInfo) { body.sent() }
		defer x.watchUpload(body)()
	}
	resp, err := roundTrip(out.WithContext(ctx))
	if x.patience != nil {
		x.patience.Stop()
	}
	w.endInformational()
	if err != nil && x.responses != nil {
		// http.Transport may return another error in its place: that of a write, or its own.
		if malformed := x.responses.Malformed(); malformed != nil {
			err = malformed
		}
	}
	if why := context.Cause(ctx); why != nil && r.Context().Err() == nil {
		if err == nil {
			resp.Body.Close()
		}
		err = why
	}
	if err == nil {
		if err = badStatus(resp.StatusCode); err == nil {
			err = checkLength(resp)
		}
		if err != nil {
			resp.Body.Close()
		}
	}
	if err != nil {
		x.failure = x.failureOf(r.Context(), err)
		return nil, err
	}
	x.setStatus(resp.StatusCode)
	x.rec.Redirect = redirection(resp, x.request.Target)
	w.size = resp.ContentLength
	x.prepareResponse(resp)
	return resp, nil
}

var (
	errAsksProxy = errors.New("407 from an origin")
	errUpgrade   = http1.ResponseError("status 101 without an Upgrade to the protocol that was asked for")
)

// badStatus says why a response with that status is not forwarded. 101 was not asked for. 407 is what a proxy asks of
// its own client (RFC 9110, 15.5.8): the client would look for credentials for this proxy, and find no challenge,
// since that field is not forwarded (11.7.1).
func badStatus(status int) error {
	switch {
	case status < 200:
		return errUpgrade
	case status == http.StatusProxyAuthRequired:
		return errAsksProxy
	}
	return nil
}

// outgoing is r as it is sent to the origin. Host is made from the target that was decided, whatever the client wrote
// there (RFC 9112, 3.2.2).
func (x *exchange) outgoing(r *http.Request) *http.Request {
	t := x.request.Target
	h := r.Header
	trailers := acceptsTrailers(h)
	stripHopByHop(h)
	dropUnfitTrailers(r.Trailer)
	if trailers {
		h["Te"] = []string{"trailers"}
		if x.inside == nil { // HTTP/2, which origins of inspected tunnels may speak, has no Connection (RFC 9113, 8.2.2)
			h["Connection"] = []string{"TE"}
		}
	}
	addVia(h, r.ProtoMajor, r.ProtoMinor, x.srv.via)
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // otherwise net/http would add its own
	}
	out := &http.Request{
		Method:           r.Method,
		URL:              originURL(r.Method, r.RequestURI, t),
		Proto:            "HTTP/1.1",
		ProtoMajor:       1,
		ProtoMinor:       1,
		Header:           h,
		Host:             hostField(t),
		Body:             r.Body,
		ContentLength:    r.ContentLength,
		TransferEncoding: r.TransferEncoding,
		Trailer:          r.Trailer,
	}
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = &requestBody{Reader: r.Body, x: x, pace: x.srv.rates.pace(x.request.Client, r.Context().Done()), trailer: announcedTrailers(&out.Trailer)}
	}
	return out
}

// originURL carries path and query to the origin as the client wrote them (RFC 9110, 7.7). If they were parsed and
// printed again, some characters would be escaped.
//
// OPTIONS without path and query is about the server: "*" for the origin (RFC 9112, 3.2.4).
func originURL(method, target string, t policy.Target) *url.URL {
	if method == http.MethodOptions && http1.IsWholeServer(target) {
		return &url.URL{Scheme: t.Scheme().String(), Host: t.HostPort(), Opaque: "*"}
	}
	path, query, hasQuery := http1.SplitPath(target)
	u := &url.URL{Scheme: t.Scheme().String(), Host: t.HostPort(), RawQuery: query, ForceQuery: hasQuery && query == ""}
	if strings.HasPrefix(path, "//") {
		// As an opaque part, this would be taken for an authority. A path that is valid by RFC 3986 is written as it
		// stands, so only the bytes that are not valid in one are escaped.
		u.RawPath = escapeOdd(path)
		u.Path, _ = url.PathUnescape(u.RawPath)
		return u
	}
	u.Opaque = path
	return u
}

// escapeOdd escapes bytes that clients send although no path may contain them (RFC 3986, 3.3).
func escapeOdd(path string) string {
	const odd = "\"<>\\^`{|}"
	if !strings.ContainsAny(path, odd) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(odd, path[i]) >= 0 {
			fmt.Fprintf(&b, "%%%02X", path[i])
		} else {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

// hostField is the Host of a request for t, without the port if it is the scheme's default.
func hostField(t policy.Target) string {
	return strings.TrimSuffix(t.HostPort(), ":"+strconv.Itoa(int(t.Scheme().DefaultPort())))
}

// gotConn notes the route of the connection on which the request is about to be sent. The request may have waited for
// a connection that was opened for another one: this is the last moment to evaluate it by the policy in force now,
// and for the address of this connection. From then on, responses on the connection are read as responses to this
// request.
func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	conn, shared := info.Conn, false
	if secure, ok := conn.(*tls.Conn); ok {
		conn, shared = secure.NetConn(), secure.ConnectionState().NegotiatedProtocol == "h2"
	}
	if oc, ok := conn.(*originConn); ok {
		if oc.responses != nil {
			oc.responses.Expect(x.request.Method, false)
		}
		x.responses = oc.responses
		x.useRoute(oc.route, info.Reused)
	}
	_, err := x.Again()
	if err == nil && !x.decision.Permit {
		err = &egress.RefusedError{Decision: x.decision}
	}
	if err == nil && shared {
		err = x.tryAgain()
	}
	if err == nil {
		return
	}
	x.halt(err)
	// HTTP/2 looks at the context before it writes. HTTP/1.1 does not, but has the connection for itself.
	if !shared {
		info.Conn.Close()
	}
}

// maxTries is how often a request is sent to an origin that refuses it unprocessed. net/http waits a second before
// the third attempt, and twice as long before each further one.
const maxTries = 3

// tryAgain is called before a request is sent by HTTP/2, the first time and each further time. An origin may refuse
// it unprocessed, by REFUSED_STREAM or GOAWAY (RFC 9113, 8.7). net/http then retries for a minute, and starts the
// response timeout anew each time.
func (x *exchange) tryAgain() error {
	x.tries++
	switch limit := x.srv.Options.ResponseTimeout.Or(0); {
	case x.tries > maxTries:
		return fmt.Errorf("refused by the origin %d times: %w", maxTries, io.ErrUnexpectedEOF)
	case x.tries == 1 && limit > 0 && x.bodiless: // with a body it is not sent again
		halt := x.halt
		x.patience = time.AfterFunc(limit, func() { halt(os.ErrDeadlineExceeded) })
	}
	return nil
}

// useRoute notes the route of a connection, which may have been opened for another request: its address is checked
// for this one.
func (x *exchange) useRoute(route egress.Route, reused bool) {
	if route.Decision = x.decision; route.Upstream == "" {
		route.Decision = x.decision.CheckAddr(route.Addr)
	}
	if reused {
		route.DNS, route.Connect = 0, 0
	}
	x.routed(route)
}

// prepareResponse removes from the response what concerns only the connection to the origin.
func (x *exchange) prepareResponse(resp *http.Response) {
	login := x.passesLogin(resp)
	cleanResponse(resp.Header)
	if login {
		supportLogin(resp.Header)
	}
	addVia(resp.Header, resp.ProtoMajor, resp.ProtoMinor, x.srv.via)
	dropUnfitTrailers(resp.Trailer)
	resp.Body = &responseBody{ReadCloser: resp.Body, x: x, trailer: announcedTrailers(&resp.Trailer)}
}

// passesLogin reports whether resp asks the client to log in on its connection, and whether that can work. With an
// upstream proxy on the way, that proxy must say that it supports it.
func (x *exchange) passesLogin(resp *http.Response) bool {
	if x.inside != nil || resp.StatusCode != http.StatusUnauthorized || !offersLogin(resp.Header) {
		return false
	}
	return x.route.Upstream == "" || supportsLogin(resp.Header)
}

// A requestBody counts the bytes sent to the origin, and notes the end of the body or why it was cut short.
type requestBody struct {
	io.Reader
	x       *exchange
	trailer trailerFilter
	pace    pace
	taking  *stallWatch // runs while the origin should accept what was read; nil if there is no limit
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.taking != nil {
		b.taking.end()
		defer b.taking.begin()
	}
	n, err := b.Reader.Read(p[:b.pace.most(len(p))])
	b.pace.spend(n)
	b.x.out.Add(int64(n))
	switch {
	case err == io.EOF:
		b.x.sentAll.Store(true)
		b.trailer.apply()
	case err != nil:
		b.x.sentErr.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer. It does not close the client's body; net/http does when the request is over. Closing it
// sooner would wait for its end: a transport that cannot connect would not report that until then. And the body may
// still be needed by another attempt.
func (b *requestBody) Close() error { return nil }

// A responseBody counts the bytes received from the origin, and notes why the body was cut short.
type responseBody struct {
	io.ReadCloser
	x       *exchange
	trailer trailerFilter
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.in.Add(int64(n))
	switch {
	case err == io.EOF:
		b.trailer.apply()
	case err != nil:
		b.x.gotErr.CompareAndSwap(nil, &err)
	}
	return n, err
}

// informationalHeader is the header of an informational (1xx) response as it may be forwarded.
func informationalHeader(h textproto.MIMEHeader) http.Header {
	header := http.Header(h)
	cleanResponse(header)
	return header
}
