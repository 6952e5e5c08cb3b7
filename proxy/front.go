package proxy

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"webproxy/policy"
)

// serveWire serves what comes over w. net/http gets it with the first request that is none of those served
// in front of it, and keeps it then.
func (s *Server) serveWire(w *wire) {
	defer func() {
		if v := recover(); v != nil { // one request must not end all others
			s.Log.Error("panic while a connection was served", zap.Any("panic", v), zap.Stack("stack"))
			w.Close()
		}
	}()
	buf := s.fronts.take()
	n, err := w.Read(*buf)
	if n > 0 {
		w.unread((*buf)[:n])
	}
	s.fronts.give(buf)
	if err != nil {
		w.Close()
		return
	}
	l := &soleListener{conn: w}
	if s.http.Serve(l); !l.given { // it has stopped
		w.Close()
	}
}

// unread makes b, which Read has returned, what Read returns next.
func (w *wire) unread(b []byte) {
	rest := w.hi - w.lo
	all := make([]byte, len(b)+rest)
	copy(all, b)
	if rest > 0 {
		copy(all[len(b):], (*w.held)[w.lo:w.hi])
	}
	judged := len(b) + w.judged - w.lo
	w.release()
	w.held, w.hi, w.judged = &all, len(all), judged
}

// Nearly every CONNECT is a plain one: see http1.RequestHead.IsPlainConnect. Such a one has been read whole when the
// filter has parsed it, so that net/http and goproxy would only read it again. It is served here, in
// the goroutine that reads the wire, with the code that serves every other request: settle, open,
// startConnect, refusal. A test holds the two ways against each other.

// connects implements wireOwner.
func (s *Server) connects(w *wire) {
	x := s.newExchange(w, http.MethodConnect)
	x.request.Target = w.asked.Target
	if x.settle(policy.BadTarget, w.asked.Unsupported); !x.decision.Permit {
		x.settleStatus()
		w.lingers()
		x.answerRaw(x.denial(), 1, acceptText, true)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	s.track(x)
	stop := w.watch(true, cancel)
	far, err := x.reach(ctx)
	stop()
	if err != nil {
		defer cancel()
		x.failure = x.failureOf(ctx, err)
		if f := x.failureAnswer(); f != nil {
			w.lingers()
			x.answerRaw(f, 1, acceptText, true)
		}
		x.close(x.failure.word)
		return
	}
	w.take()
	far.start(x, w.takeEarly())
}

// watchDelay is how long a dial may take before somebody looks whether its client is still there.
// Nearly all are done by then.
const watchDelay = 50 * time.Millisecond

// watch calls gone, once, if the client has gone before stop is called. What the client sends meanwhile is
// held, a head's size of it at most. When stop returns, the wire is the caller's again.
//
// A client that has only ended its sending side waits for its response (RFC 9112, 9.6). If asksMore is set it
// has gone all the same, unless it sent more before: it wants a tunnel that nothing would go into.
func (w *wire) watch(asksMore bool, gone func()) (stop func()) {
	done := make(chan struct{})
	w.tcp.SetReadDeadline(noDeadline)
	timer := time.AfterFunc(watchDelay, func() {
		defer close(done)
		err := w.readAhead()
		if err == nil || isInputEnd(err) && !(asksMore && w.lo == w.hi) {
			err = awaitReset(w.tcp)
		}
		if err != nil && !isDeadline(err) {
			gone()
		}
	})
	return func() {
		if timer.Stop() {
			return
		}
		w.tcp.SetReadDeadline(time.Unix(1, 0))
		<-done
		w.tcp.SetReadDeadline(noDeadline)
	}
}
