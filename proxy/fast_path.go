package proxy

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"webproxy/policy"
)

// serveConn serves the requests on c. net/http gets the connection with the first request that is not for the fast path,
// and keeps it from then on.
func (s *Server) serveConn(c *clientConn) {
	defer func() {
		if v := recover(); v != nil { // a panic in one request must not end all others
			s.Log.Error("panic while a connection was served", zap.Any("panic", v), zap.Stack("stack"))
			c.Close()
		}
	}()
	buf := s.firstReads.take()
	n, err := c.Read(*buf)
	if n > 0 {
		c.unread((*buf)[:n])
	}
	s.firstReads.give(buf)
	if err != nil {
		c.Close()
		return
	}
	l := &oneConnListener{conn: c}
	if s.http.Serve(l); !l.given { // the server has stopped
		c.Close()
	}
}

// unread puts b, which Read has returned, back: Read returns it next.
func (c *clientConn) unread(b []byte) {
	rest := c.hi - c.lo
	all := make([]byte, len(b)+rest)
	copy(all, b)
	if rest > 0 {
		copy(all[len(b):], (*c.held)[c.lo:c.hi])
	}
	readable := len(b) + c.readable - c.lo
	c.release()
	c.held, c.hi, c.readable = &all, len(all), readable
}

// Most CONNECT requests are plain (http1.RequestHead.IsPlainConnect). The filter has already parsed them completely, so
// the fast path serves them here, on the goroutine that reads the connection, instead of parsing them again in net/http
// and goproxy. It runs the same code as the standard path: decideAndRecord, openOriginSide, originSide.start, refusal.
// FuzzConnect compares the two.

// serveConnect implements connOwner.
func (s *Server) serveConnect(c *clientConn) {
	x := s.newExchange(c, http.MethodConnect)
	x.request.Target = c.target.Target
	if x.decideAndRecord(policy.BadTarget, c.target.Unsupported); !x.decision.Permit {
		c.lingerOnClose()
		x.respondRaw(x.denial(), 1, acceptText, true)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	s.track(x)
	stop := c.watch(true, cancel)
	side, err := x.openOriginSide(ctx)
	stop()
	if err != nil {
		defer cancel()
		x.failure = x.failureOf(ctx, err)
		if f := x.failureResponse(); f != nil {
			c.lingerOnClose()
			x.respondRaw(f, 1, acceptText, true)
		}
		x.close(x.failure.word)
		return
	}
	c.take()
	side.start(c.takeBuffered())
}

// watchDelay is how long a dial may take before the client is watched. Most dials are done by then.
const watchDelay = 50 * time.Millisecond

// watch calls gone, once, if the client disconnects before stop is called. What the client sends meanwhile is held,
// at most a head's size. When stop returns, the connection is the caller's again.
//
// A client that has only ended its sending side waits for its response (RFC 9112, 9.6). If asksMore is set, such a
// client counts as gone all the same, unless it sent more before: nothing could enter the tunnel that it wants.
func (c *clientConn) watch(asksMore bool, gone func()) (stop func()) {
	done := make(chan struct{})
	c.tcp.SetReadDeadline(noDeadline)
	timer := time.AfterFunc(watchDelay, func() {
		defer close(done)
		err := c.readAhead()
		if err == nil || isInputEnd(err) && !(asksMore && c.lo == c.hi) {
			err = awaitReset(c.tcp)
		}
		if err != nil && !isDeadline(err) {
			gone()
		}
	})
	return func() {
		if timer.Stop() {
			return
		}
		c.tcp.SetReadDeadline(time.Unix(1, 0))
		<-done
		c.tcp.SetReadDeadline(noDeadline)
	}
}
