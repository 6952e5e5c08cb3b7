package proxy

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// serverName is the name of this proxy in Server and Proxy-Status.
const serverName = "webproxy"

// maxPhrase bounds the reason phrase of a response of ours, in bytes.
const maxPhrase = 120

// A refusal is a response of the proxy's own: a denial, or a failure on the way to the origin. Of the client's
// request it contains only the host, after validation.
type refusal struct {
	status int
	head   string // "webproxy denied" or "webproxy upstream"
	code   string // the policy.Reason, or the proxy error type of RFC 9209
	word   string // the proxy error type
	text   string // the same in plain words
	target policy.Target
	id     string // of the record; empty if there is none
	client netip.Addr
	// For failures: details, the upstream proxy concerned, and the status of its response.
	detail   string
	nextHop  string
	received int
	contact  string // from the configuration, for people; may be empty
	link     string
	close    bool // the connection ends with this response
}

// denialStatus is the status of the response for x.decision's Reason.
func (x *exchange) denialStatus() int {
	status := denials[x.decision.Reason].status
	if status == http.StatusForbidden && x.request.Target.Scheme() == policy.HTTP && x.srv.Denial.HTTPStatus != 0 {
		return x.srv.Denial.HTTPStatus
	}
	return status
}

// denial is the response to a request that x.decision refuses.
func (x *exchange) denial() *refusal {
	d := denials[x.decision.Reason]
	return &refusal{
		status: x.status,
		head:   "webproxy denied",
		code:   x.decision.Reason.String(),
		word:   d.word,
		text:   d.text,
		target: x.request.Target,
		id:     x.rec.ID,
		client: x.request.Client,

		contact: x.srv.Denial.Contact,
		link:    x.srv.Denial.Link,
	}
}

// trouble is the response to a permitted request that failed for x.failure.
func (x *exchange) trouble() *refusal {
	text := "The request is permitted, but the origin did not respond: " + strings.ReplaceAll(x.failure.word, "_", " ") + "."
	switch {
	case x.failure.received != 0 && x.failure.upstream == "":
		text = "The request is permitted, but the origin's response may not be forwarded: " + x.failure.detail + "."
	case x.failure.word == proxystatus.Protocol && x.failure.upstream == "" && x.failure.detail != "":
		text = "The request is permitted, but the origin's response cannot be forwarded: " + x.failure.detail + "."
	case x.failure.detail != "":
		text = "The request is permitted, but the origin was not reached: " + x.failure.detail + "."
	}
	return &refusal{
		status: x.status,
		head:   "webproxy upstream",
		code:   x.failure.word,
		word:   x.failure.word,
		text:   text,
		target: x.request.Target,
		id:     x.rec.ID,
		client: x.request.Client,

		detail:   x.failure.detail,
		nextHop:  x.failure.upstream,
		received: x.failure.received,
		contact:  x.srv.Denial.Contact,
		link:     x.srv.Denial.Link,
	}
}

// refuse responds to a request that is not permitted. A plain HTTP connection stays open. After a CONNECT bytes of
// the tunnel may be on the way, so that connection is closed.
func (x *exchange) refuse(rw http.ResponseWriter, r *http.Request) {
	if x.bodyLeft(r) { // net/http may close the connection without having read the body
		x.client.lingerOnClose()
	}
	x.denial().write(rw, r, x.client)
}

// write responds to r.
func (f *refusal) write(rw http.ResponseWriter, r *http.Request, c *clientConn) {
	h := rw.Header()
	clear(h)
	contentType, body := f.body(negotiate(r.Header["Accept"]))
	ends := f.close || r.Method == http.MethodConnect
	f.fields(contentType, len(body), ends, h.Set)
	if ends {
		c.lingerOnClose()
	}
	c.reasonPhrase = f.phrase()
	rw.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		rw.Write(body)
	}
}

// respondRaw responds to a request that net/http never saw, with the bytes that net/http would write. close announces
// the end of the connection. An error means that the client has not received the whole response.
func (x *exchange) respondRaw(f *refusal, minor int, form accepted, close bool) error {
	contentType, body := f.body(form)
	b := make([]byte, 0, 1<<10)
	b = append(b, "HTTP/1."...)
	b = append(b, byte('0'+minor), ' ')
	b = strconv.AppendInt(b, int64(f.status), 10)
	b = append(b, ' ')
	b = append(b, f.phrase()...)
	b = append(b, "\r\n"...)
	f.fields(contentType, len(body), close, func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	})
	b = append(b, "Date: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\n\r\n"...)
	if x.request.Method != http.MethodHead {
		b = append(b, body...)
	}
	_, err := x.client.Write(b)
	return err
}

// fields calls set for each field of the denial contract, in the order of their names. close tells the
// client that the connection ends.
func (f *refusal) fields(contentType string, size int, close bool, set func(name, value string)) {
	set("Cache-Control", "no-store")
	if close {
		set("Connection", "close")
	}
	set("Content-Length", strconv.Itoa(size))
	set("Content-Type", contentType)
	set("Proxy-Status", f.proxyStatus())
	switch f.status {
	case http.StatusServiceUnavailable:
		set("Retry-After", "5")
	case http.StatusTooManyRequests:
		set("Retry-After", "1")
	}
	set("Server", serverName)
	set("X-Content-Type-Options", "nosniff")
}

// proxyStatus is the field of RFC 9209.
func (f *refusal) proxyStatus() string {
	details := f.details()
	if f.detail != "" {
		details += ": " + f.detail
	}
	m := proxystatus.Member{Proxy: serverName, Error: f.word, NextHop: f.nextHop, Received: f.received, Details: details}
	return m.String()
}

// details is the code, the target and the id, as far as they are known.
func (f *refusal) details() string {
	return f.compose("", 1<<10)
}

// phrase is the reason phrase. Clients in Go and Python show it in full, as does curl -v. It is ASCII.
func (f *refusal) phrase() string {
	return f.compose(f.head+": ", maxPhrase)
}

// compose joins prefix, code, target and id in at most limit bytes. Only a target can be long: it is truncated.
func (f *refusal) compose(prefix string, limit int) string {
	tail := ""
	if f.id != "" {
		tail = " id=" + f.id
	}
	host := f.target.HostPort()
	if room := limit - len(prefix) - len(f.code) - 1 - len(tail); host != "" && len(host) > room {
		host = host[:max(room-3, 0)] + "..."
	}
	if host != "" {
		host = " " + host
	}
	return prefix + f.code + host + tail
}
