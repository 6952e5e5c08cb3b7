package proxy

import (
	"net/http"
	"time"

	"webproxy/policy"
	"webproxy/proxy/egress"
)

// Between a decision and what it permits a name is resolved, a connection opened, a parent asked: that takes
// seconds, in which another policy comes into force, or a phase or a rule ends. So a request is judged again at
// the last moment before a socket is connected, before the request goes out, and before a client is told 200.
// What is in progress by then is for Server.Recheck.

// Again implements egress.Asker: it evaluates x as if it was made now. It returns the decision if that permits x, else a *RefusedError with
// it, or errOtherWay. As long as nothing has changed, that costs nothing. It changes nothing, and may be called by
// several goroutines at once.
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

// tunnelIs reports whether d wants the TLS of the tunnel opened that x asks for.
func (x *exchange) wantsInspection(d policy.Decision) (inspected bool) {
	return x.request.Method == http.MethodConnect && d.Inspect()
}

// maxModeChanges is how often the policy may change between tunnel and inspection while one CONNECT is opened.
const maxModeChanges = 3

// switchMode has x's tunnel opened in the way that the policy wants now.
func (x *exchange) switchMode() {
	x.set = x.srv.policySet()
	req := x.request
	req.Time = time.Now()
	x.setPermit(x.set.Decide(&req))
	x.inspected = x.wantsInspection(x.permit)
	x.rec.Inspected = x.inspected
}

// renew makes x's decision the one that holds now, or returns why x is not permitted any more.
func (x *exchange) renew() error {
	d, err := x.Again()
	if err == nil {
		x.setPermit(d)
	}
	return err
}

// refusedLate makes the refusal e x's decision. If it is not only about an address, the close record names the rule and
// the policy that refuse.
func (x *exchange) refusedLate(e *egress.RefusedError) {
	x.setDecision(e.Decision)
	if e.Late {
		x.fillDecision()
	}
}
