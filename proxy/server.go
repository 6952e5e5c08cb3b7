// Package proxy is the forward proxy itself: it takes requests from clients, has package policy
// decide about each, records the decision, and then opens the tunnel or forwards the request.
//
// It opens no listener, reads no environment variable, and never dials anything but the target of a Decision that
// permits it. The only files it reads are those that name credentials for upstream proxies (proxy/egress): a file of
// user and password, a keytab, krb5.conf.
//
//	s := &proxy.Server{Policy: live, Egress: egress, Audit: log}
//	go s.Serve(ln)
//	...
//	s.Shutdown(ctx)
package proxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// A Server is a forward proxy. Its exported fields are set before the first call of a method and not
// changed after. The zero Server refuses everything.
type Server struct {
	// Policy holds the Set in force. If nil, every request is refused.
	Policy *policy.Live
	// Egress opens the connections to origins. If nil, every permitted request fails with 502.
	Egress *egress.Egress
	// Audit keeps the records. If nil, no record can be written.
	Audit Auditor
	// AuditOptional lets requests go ahead that could not be recorded (audit.on_error: continue).
	AuditOptional bool
	// Log is for operators; nothing about single requests is logged above debug level. If nil, nothing is
	// logged.
	Log *zap.Logger
	// Observer is notified of what the Server does, for metrics. It may be nil.
	Observer Observer
	// Options, Denial and TLS must have passed their Check.
	Options Options
	Denial  DenialOptions
	TLS     TLSOptions

	// Inspector signs certificates for inspected tunnels. If nil, such tunnels fail with 502.
	Inspector Inspector
	// Roots are the authorities that origins of inspected tunnels are verified against. If nil, the system's. When
	// they are replaced, connections verified before serve no further request.
	Roots *egress.Roots

	once         sync.Once
	inside       *http.Server // of HTTP/2 inside inspected tunnels; see inspect.go
	http         *http.Server
	engine       http.Handler // goproxy; see goproxy.go
	via          string
	limits       connLimits
	maxConns     int
	maxPerClient int
	balancers    []netip.Prefix
	copies       bufferPool
	firstReads   bufferPool // for the first bytes of heads
	tunnelPools  tunnelPools
	parking      parkingLot
	origins      originPool
	conns        connTracker
	inflight     inflight
	memory       budget // of inspected TLS
	insideConns  budget // connections to origins from inspected tunnels; elsewhere there is at most one for each client connection
	descriptors  descriptors
	rates        rates

	insideClosed atomic.Int64 // connections to origins from inspected tunnels
	insideBusy   atomic.Int64 // when none of those was idle, in Unix nanoseconds
	auditFailing atomic.Bool
	draining     atomic.Bool
	stopOnce     sync.Once
	insideOnce   sync.Once
	insideDrain  sync.WaitGroup
	stopped      chan struct{} // closed when exchanges are cut
}

const (
	copyBufferSize = 32 << 10
	firstReadSize  = 4 << 10 // most heads fit; net/http's buffer has that size too

	// A connection beyond the limits gets that long to send a request, so that the record says what was refused, if
	// not too many others are waiting for the same.
	overLimitWait = 2 * time.Second
)

// Prepare fills in what is derived from the exported fields, which must not be changed after it. Serve calls it; whoever uses the
// Egress before Serve was called calls it before. It may be called again, by any goroutine.
func (s *Server) Prepare() {
	s.once.Do(func() {
		o := &s.Options
		s.stopped = make(chan struct{})
		if s.Log == nil {
			s.Log = zap.NewNop()
		}
		if s.via = o.Via; s.via == "" {
			s.via = newPseudonym()
		}
		headSize := o.HeaderBytes
		if headSize == 0 {
			headSize = defaultHeaderBytes
		}
		s.limits = connLimits{
			header:   o.HeaderTimeout.Or(defaultHeaderTimeout),
			idle:     o.IdleTimeout.Or(defaultIdleTimeout),
			stall:    o.StallTimeout.Or(defaultStallTimeout),
			heads:    &bufferPool{size: headSize},
			fastGets: fastGetsWork && !s.Egress.HasUpstreams(),
			via:      s.via,
		}
		s.descriptors.setLimits(openFilesLimit())
		s.descriptors.reclaim = s.reclaim
		s.tunnelPools.descriptors = s.descriptors.limit
		if s.Egress != nil {
			s.Egress.AdmitSockets(s.descriptors.admits)
			s.parking.settled = s.Egress.KeepAlive
		}
		s.copies.size, s.firstReads.size = copyBufferSize, firstReadSize
		if s.maxConns = o.MaxConnections; s.maxConns == 0 {
			s.maxConns = s.descriptors.connections()
		}
		if s.maxPerClient = o.MaxConnectionsPerClient; s.maxPerClient == 0 {
			s.maxPerClient = max(s.maxConns/2, 1)
		}
		s.insideConns = budget{limit: 1 << 62, share: int64(s.maxPerClient)}
		s.rates.requests, s.rates.dials, s.rates.bytes = o.ClientRequests, o.ClientDials, max(int64(o.ClientBytes), 0)
		s.memory = newInspectionBudget(o.InspectionMemory)
		s.balancers, _ = o.balancers()
		s.engine = newEngine(s.Log)
		s.inside = s.newInside()
		s.http = &http.Server{
			Handler: http.HandlerFunc(s.serve),
			// The filter in client_conn.go has its own timers and limits. Those of net/http apply only after it, and
			// would respond without a record.
			MaxHeaderBytes:               headSize + 4096,
			DisableGeneralOptionsHandler: true,
			ErrorLog:                     debugLog(s.Log),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connKey{}, c)
			},
			ConnState: func(conn net.Conn, state http.ConnState) {
				if c, ok := conn.(*clientConn); ok && state == http.StateIdle {
					c.responseDone()
				}
			},
			Protocols: http1Only(),
		}
	})
}

type connKey struct{}

// debugLog is for libraries that would log every client that disconnects.
func debugLog(log *zap.Logger) *stdlog.Logger {
	l, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil { // only for an unknown level
		return stdlog.New(io.Discard, "", 0)
	}
	return l
}

func http1Only() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// newPseudonym returns a name for Via fields that no other instance has.
func newPseudonym() string {
	var b [5]byte
	rand.Read(b[:]) // never fails
	return "webproxy-" + hex.EncodeToString(b[:])
}

// Serve accepts connections from ln, which must be a TCP listener, until Shutdown or Close. It
// returns nil then, else the error of ln. It closes ln. It may be called for several listeners.
func (s *Server) Serve(ln net.Listener) error { return s.serveOn(ln, nil) }

// ServeTLS is Serve for clients that speak TLS to the proxy itself, as o says.
func (s *Server) ServeTLS(ln net.Listener, o TLSListener) error { return s.serveOn(ln, &o) }

func (s *Server) serveOn(ln net.Listener, o *TLSListener) error {
	s.Prepare()
	if !s.conns.listen(ln) {
		return ln.Close()
	}
	defer s.conns.unlisten(ln)
	err := (&acceptor{Listener: ln, srv: s, tls: o}).run()
	if s.draining.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve is the http.Handler for requests that the filter let through.
func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(connKey{}).(*clientConn)
	if !ok { // not from an acceptor: the filter has not verified it
		http.Error(rw, "not a client connection", http.StatusBadRequest)
		return
	}
	s.handle(c, rw, r)
}

// handle serves one request, from its head to the last byte of its response or to the start of its tunnel.
func (s *Server) handle(c *clientConn, rw http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		rw.Header().Set("Connection", "close")
	}
	x := s.newExchange(c, r.Method)
	if n := c.inside; n != nil {
		n.hold()
		defer n.release()
		n.absolute(c, r)
		defer x.takeMemory(costOf(r))()
		if r.ProtoMajor == 2 {
			var done func()
			rw, done = x.watchStalls(rw, r)
			defer done()
		}
	}
	switch x.evaluate(r); {
	case !x.decision.Permit:
		x.refuse(rw, r)
		return
	case r.Method == http.MethodConnect:
		s.connect(x, rw, r)
	case isWebSocket(r):
		s.upgrade(x, rw, r)
	default:
		s.forward(x, rw, r)
	}
}

// policySet returns the Set in force; a nil Set denies everything.
func (s *Server) policySet() *policy.Set {
	if s.Policy == nil {
		return nil
	}
	return s.Policy.Load()
}

func (s *Server) observer() Observer {
	if s.Observer == nil {
		return unobserved{}
	}
	return s.Observer
}

var errNoAudit = errors.New("no audit log")

// appendRecord writes r. Errors are logged when they begin and when they end, not for every request.
func (s *Server) appendRecord(r *audit.Record) error {
	err := errNoAudit
	if s.Audit != nil {
		err = s.Audit.Append(r)
	}
	if err != nil {
		s.observer().AuditFailed(err)
		if !s.auditFailing.Swap(true) {
			s.Log.Error("audit record not written", zap.Error(err), zap.Bool("requests_go_ahead", s.AuditOptional))
		}
		return err
	}
	if s.auditFailing.Load() && s.auditFailing.Swap(false) {
		s.Log.Info("audit records are written again")
	}
	return nil
}

// Recording reports whether the last attempt to write a record succeeded. While it does not, requests are refused, or
// go ahead unrecorded if AuditOptional.
func (s *Server) Recording() bool { return !s.auditFailing.Load() }

// Stats returns what is open now.
func (s *Server) Stats() Stats {
	st := Stats{Connections: s.conns.len(), InspectionMemory: s.memory.inUse(), InsideConns: int(s.insideConns.inUse()), Reclaimed: s.descriptors.reclaimed.Load()}
	for _, x := range s.tracked() {
		if x.tunnel.Load() != nil {
			st.Tunnels++
		} else {
			st.Requests++
		}
	}
	st.RateLimited = [...]int64{s.rates.counts.Requests.Load(), s.rates.counts.Dials.Load(), s.rates.counts.Waits.Load()}
	return st
}
