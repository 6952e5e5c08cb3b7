package proxy

import (
	"net/http"
	"time"

	"webproxy/policy"
	"webproxy/proxy/egress"
)

// Between a decision and its effect, a name is resolved, a connection opened, an upstream proxy asked. That takes
// seconds, in which another policy may come into force, or a phase or a rule may end. So a request is evaluated again
// at the last moment before a socket is connected, before the request is sent, and before a client is told 200.
// Requests already in progress are for Server.Recheck.

// Again implements egress.Asker: it evaluates x as if the request were made now. It returns the decision if that
// permits x, else a *egress.RefusedError, or egress.ErrOtherWay. While nothing has changed it costs one comparison.
// It changes nothing, and is safe for concurrent use.
func (x *exchange) Again() (policy.Decision, error) {
	set := x.srv.policySet()
	if set == x.set && !set.Timed() {
		return x.permit, nil
	}
	req := x.request
	req.Time = time.Now()
	d := set.Decide(&req)
	switch {
	case !d.Permit:
		return d, &egress.RefusedError{Decision: d, Late: true}
	case x.wantsInspection(d) != x.inspected:
		return d, egress.ErrOtherWay
	}
	return d, nil
}

// wantsInspection reports whether x asks for a tunnel whose TLS d inspects.
func (x *exchange) wantsInspection(d policy.Decision) (inspected bool) {
	return x.request.Method == http.MethodConnect && d.Inspect()
}

// maxModeChanges is how often the policy may change between tunnel and inspection while one CONNECT is opened.
const maxModeChanges = 3

// switchMode makes x's tunnel an inspection, or an inspection a tunnel, as the policy wants now.
func (x *exchange) switchMode() {
	x.set = x.srv.policySet()
	req := x.request
	req.Time = time.Now()
	x.setPermit(x.set.Decide(&req))
	x.inspected = x.wantsInspection(x.permit)
	x.rec.Inspected = x.inspected
}

// renew replaces x's decision by the current one, or returns why x is not permitted any more.
func (x *exchange) renew() error {
	d, err := x.Again()
	if err == nil {
		x.setPermit(d)
	}
	return err
}

// refusedLate makes e's decision that of x. If e is about more than an address, the close record names its rule and
// policy.
func (x *exchange) refusedLate(e *egress.RefusedError) {
	x.setDecision(e.Decision)
	if e.Late {
		x.fillDecision()
	}
}
