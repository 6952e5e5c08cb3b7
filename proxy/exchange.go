package proxy

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"webproxy/audit"
	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/clienthello"
	"webproxy/proxy/internal/http1"
)

// An exchange is one request from its arrival to the last byte of its response. Only exchanges fill audit records.
//
// A refused request leaves one record. A permitted one leaves two: the decision, written before anything is sent to
// anybody, and the close, with the same id, when the exchange ends. If the address that a name resolves to turns a
// permitted request into a refused one, the close record has the decision, the reason and the status of the refusal.
// The same holds for the first bytes of a tunnel, except for the status: the client was sent 200.
//
// decision and status have one writer each, setDecision and setStatus.
type exchange struct {
	srv      *Server
	client   *clientConn
	began    time.Time
	request  policy.Request
	decision policy.Decision
	permit   policy.Decision // the decision as made or renewed, before any address was checked
	via      []string        // Via as the client sent it
	rec      audit.Record
	took     time.Duration // to decide

	out, in atomic.Int64 // body bytes: client to origin, and back
	route   egress.Route // of the connection to the origin
	status  int          // sent to the client; 0 if none was sent

	// responses reads the connection to the origin on the standard path; nil for HTTP/2.
	responses *http1.ResponseStream
	// roundTrip gets the origin's response; goproxy calls it through our hook.
	roundTrip func(*http.Request) (*http.Response, error)
	// start begins the tunnel; goproxy calls it through our hook, with the hijacked connection.
	start func()
	// halt keeps a request that waits for its connection from being sent; its argument is the reason.
	halt     context.CancelCauseFunc
	tries    int         // how often the request was sent by HTTP/2
	bodiless bool        // it has no body
	patience *time.Timer // bounds all tries together; nil if there is no limit
	// failure is why the origin did not respond; nil if it did.
	failure *failure
	// sentErr and gotErr are why the body of the request or the response was cut short.
	sentErr, gotErr atomic.Pointer[error]
	sentAll         atomic.Bool // the request's body was read to its end

	set    *policy.Set                    // that decided
	cancel context.CancelFunc             // ends the dial, or a forwarded request
	tunnel atomic.Pointer[tunnel]         // once there is one
	addr   atomic.Pointer[netip.AddrPort] // of the tunnel's origin
	inside *inspection                    // the inspected TLS that the request came in; nil if none
	// inspection is the origin side of a CONNECT whose TLS is inspected.
	inspection  atomic.Pointer[inspection]
	inspected   bool                              // it is, or will be
	clientHello atomic.Pointer[clienthello.Hello] // what the tunnel's client sent first, once that is known
	cutReason   atomic.Pointer[string]            // the word for the close record, if the exchange was cut
	detail      string                            // for the close record
	info        Open                              // does not change once the exchange is tracked
	excess      string                            // what limit the request is beyond; empty if it is within all
}

func (s *Server) newExchange(c *clientConn, method string) *exchange {
	now := time.Now()
	return &exchange{
		srv:     s,
		client:  c,
		inside:  c.inside,
		began:   now,
		request: policy.Request{Time: now, Client: c.addr.Addr(), Group: c.group, Method: method},
	}
}

// decide evaluates the request against the Set in force. The exchange keeps that Set, whatever is installed later.
func (x *exchange) decide() {
	start := time.Now()
	x.set = x.srv.policySet()
	x.setDecision(x.set.Decide(&x.request))
	x.took = time.Since(start)
	x.inspected = x.request.Method == http.MethodConnect && x.decision.Inspect()
}

// setDecision is the only writer of x.decision. After the decision record only what becomes known of the address, of
// the ClientHello, or of a newer policy changes it.
func (x *exchange) setDecision(d policy.Decision) { x.decision = d }

// setPermit makes d the decision that x goes ahead with, before any address is known.
func (x *exchange) setPermit(d policy.Decision) {
	x.permit = d
	x.setDecision(d)
}

// setStatus is the only writer of x.status, the status that the client is sent.
func (x *exchange) setStatus(status int) { x.status = status }

// refuseAs makes the decision the refusal of a guard, which no rule can lift.
func (x *exchange) refuseAs(reason policy.Reason) { x.setDecision(x.decision.Refused(reason)) }

// begin writes the decision record. If it cannot be written, the request is refused: no record, no tunnel. For a
// refused request, x.status is set before.
func (x *exchange) begin(word, detail string) {
	x.fillDecision()
	x.rec.Type = audit.TypeDecision
	x.rec.Error, x.rec.Detail = word, detail
	if !x.decision.Permit {
		x.rec.Status = x.status
	}
	if err := x.srv.appendRecord(&x.rec); err != nil && x.decision.Permit && !x.srv.AuditOptional {
		x.refuseAs(policy.AuditUnavailable)
		x.setStatus(x.denialStatus())
	}
	x.srv.observer().Decided(x.decision, x.took)
}

// fillDecision fills in what is known once the request was decided.
func (x *exchange) fillDecision() {
	r, d := &x.rec, &x.decision
	r.Client, r.ClientPort = x.client.addr.Addr(), x.client.addr.Port()
	r.ClientName = x.client.name
	r.Method = x.request.Method
	r.Scheme = x.request.Target.Scheme().String()
	if !x.request.Target.IsZero() {
		r.Host = x.request.Target.Host()
		r.Port = x.request.Target.Port()
	}
	r.Path = x.request.Path
	r.Group = d.Group
	r.Decision, r.Reason = d.Outcome(), d.Reason.String()
	r.Rule, r.RuleSource = d.Rule(), d.Source()
	r.Policy, r.Mode, r.Phase = d.Policy(), d.Mode.String(), d.Phase()
	r.ServiceTag = d.ServiceTag()
	r.PathEnforced = d.PathEnforced
	r.Inspected = x.inside != nil || x.inspected && d.Permit
}

// end writes the close record of a permitted request. word says why it failed, in the words of RFC 9209 or our own;
// it is empty if it did not fail.
func (x *exchange) end(word string) {
	if why := x.cutReason.Load(); why != nil {
		word = *why
	}
	r := &x.rec
	r.Type, r.Time, r.Seq = audit.TypeClose, time.Time{}, 0
	r.Status, r.Error, r.Detail = x.status, word, x.detail
	r.BytesOut, r.BytesIn = x.out.Load(), x.in.Load()
	r.Duration = time.Since(x.began)
	r.DNS, r.Connect = x.route.DNS, x.route.Connect
	if x.route.Addr.IsValid() {
		r.DstIP = x.route.Addr.Addr()
	}
	r.Upstream = x.route.Upstream
	if x.failure != nil {
		r.Detail = x.failure.detail
	}
	r.Decision, r.Reason = x.decision.Outcome(), x.decision.Reason.String()
	r.OutsideTag = x.decision.OutsideTag()
	x.fillClientHello()
	x.srv.appendRecord(r) // errors are counted and logged there; it is too late to refuse
	x.srv.observer().Ended(r)
}

// routed notes the route of the connection to the origin.
func (x *exchange) routed(r egress.Route) {
	x.route = r
	x.setDecision(r.Decision)
}

// cut ends the exchange. why is the word for its close record; only the first call has an effect.
func (x *exchange) cut(why string) {
	x.cutReason.CompareAndSwap(nil, &why)
	x.cancel()
	if t := x.tunnel.Load(); t != nil {
		t.cut()
	}
	if x.inspection.Load() != nil {
		x.client.cut()
	}
}

// counts returns the body bytes so far.
func (x *exchange) counts() (out, in int64) {
	if t := x.tunnel.Load(); t != nil {
		return t.out.Load(), t.in.Load()
	}
	return x.out.Load(), x.in.Load()
}

type exchangeKey struct{}

// with returns r with x in its context, where goproxy's hooks find it.
func (x *exchange) with(ctx context.Context, r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
}

// exchangeOf returns the exchange that r belongs to; nil if there is none.
func exchangeOf(r *http.Request) *exchange {
	return exchangeOfContext(r.Context())
}

func exchangeOfContext(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}
