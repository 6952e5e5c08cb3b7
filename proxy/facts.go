package proxy

import (
	"net/http"

	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// evaluate makes a policy.Request of r, decides it, and records the decision. It also refuses what rules do not
// cover: unsupported request forms, and requests that have passed this proxy before.
//
// The target is the one that the filter parsed. net/http's reading of the same bytes, r.URL.Host and r.Host, is not
// used: two parsers of one authority could disagree.
func (x *exchange) evaluate(r *http.Request) {
	a := &x.client.target
	x.request.Target = a.Target
	x.rec.Host, x.rec.Port = a.Host, a.Port // replaced by the target's, if there is one
	if a.Form == http1.FormAbsolute || a.Form == http1.FormInside && a.Unsupported == "" {
		x.request.Path, x.request.Query, _ = http1.SplitPath(r.RequestURI)
	}
	x.via = r.Header["Via"]
	x.decideAndRecord(x.unsupportedForm(r.Method, r.Header))
}

// evaluatePlain is evaluate for a plain GET whose head has only fields for its origin.
func (x *exchange) evaluatePlain(r *plainGet) {
	a := &x.client.target
	x.request.Target = a.Target
	x.request.Path, x.request.Query = r.path, r.query
	x.decideAndRecord(x.unsupportedForm(r.method, nil))
}

// decideAndRecord decides the request and records the decision. If detail is not empty, it says why the form of the
// request is refused, and reason is the reason.
func (x *exchange) decideAndRecord(reason policy.Reason, detail string) {
	x.decide()
	if !x.srv.rates.request(x.request.Client) {
		reason, detail = policy.RateLimited, "more requests a second than proxy.client_requests"
	}
	var word string
	switch {
	case x.decision.Reason == policy.ClientUnknown:
		detail = "" // clients in no group are told nothing else
	case detail != "":
		x.refuseAs(reason)
	}
	if !x.decision.Permit {
		x.setStatus(x.denialStatus())
		word = denials[x.decision.Reason].word
	}
	x.begin(word, detail)
}

// shownScheme names a scheme if it is one that clients use. Any other could contain anything, a password included.
func shownScheme(scheme string) string {
	switch scheme {
	case "https", "ftp", "ws", "wss":
		return "scheme " + scheme
	}
	return "a scheme other than http"
}

// unsupportedForm says why the form of a request is refused; detail is empty if it is not.
func (x *exchange) unsupportedForm(method string, h http.Header) (reason policy.Reason, detail string) {
	a := &x.client.target
	switch {
	case x.excess != "":
		return policy.Overloaded, x.excess
	case a.Unsupported != "":
		return policy.BadTarget, a.Unsupported
	case a.Form == http1.FormOrigin:
		return policy.BadTarget, "a request to the proxy itself, not through it"
	case a.Form == http1.FormAsterisk:
		return policy.BadTarget, "OPTIONS * asks about the proxy, not about an origin"
	case a.Form == http1.FormAbsolute && a.Scheme != "http":
		// To fetch it, the proxy would have to end the TLS session itself.
		return policy.SchemeNotAllowed, shownScheme(a.Scheme) + " in absolute form; use CONNECT"
	case method == http.MethodTrace:
		// The response would send the client's own fields, and ours, back to whoever can read it (RFC 9110, 9.3.8).
		return policy.MethodNotAllowed, "TRACE is not forwarded"
	case hasVia(h, x.srv.via):
		return policy.Loop, "Via names this proxy"
	}
	return 0, ""
}
