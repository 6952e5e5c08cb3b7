package proxy

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"webproxy/policy"
)

// serverName is what this proxy calls itself in Server and Proxy-Status.
const serverName = "webproxy"

// maxPhrase bounds the reason phrase of an answer of ours, in bytes.
const maxPhrase = 120

// A refusal is an answer of the proxy's own: a denial, or word of trouble on the way to the origin.
// Nothing in it was written by the client but the host, which is there only once it was validated.
type refusal struct {
	status int
	head   string // "webproxy denied" or "webproxy upstream"
	code   string // the policy.Reason, or the proxy error type of RFC 9209
	word   string // the proxy error type
	text   string // the same in plain words
	target policy.Target
	id     string // of the record; empty if there is none
	client netip.Addr
	// Of trouble: more about it, the parent that it is about, and the status that one answered with.
	detail   string
	nextHop  string
	received int
}

// denialStatus is the status that x.decision's Reason is answered with.
func (x *exchange) denialStatus() int {
	status := denials[x.decision.Reason].status
	if status == http.StatusForbidden && x.request.Target.Scheme() == policy.HTTP && x.srv.Denial.HTTPStatus != 0 {
		return x.srv.Denial.HTTPStatus
	}
	return status
}

// denial is the answer to a request that x.decision refuses.
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
	}
}

// trouble is the answer to a permitted request that x.failure kept from its origin.
func (x *exchange) trouble() *refusal {
	text := "The request is permitted, but the origin did not answer it: " + strings.ReplaceAll(x.failure.word, "_", " ") + "."
	if x.failure.detail != "" {
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
	}
}

// refuse answers a request that is not permitted. A plain HTTP connection goes on; behind a CONNECT
// there may be bytes of the tunnel that never was, so that one ends.
func (x *exchange) refuse(rw http.ResponseWriter, r *http.Request) {
	if x.status == 0 || x.decision.Reason == policy.AuditUnavailable {
		x.status = x.denialStatus()
	}
	x.denial().write(rw, r, x.wire)
}

// write answers r.
func (f *refusal) write(rw http.ResponseWriter, r *http.Request, w *wire) {
	h := rw.Header()
	clear(h)
	contentType, body := f.body(negotiate(r.Header["Accept"]))
	f.fill(h, contentType, len(body))
	if r.Method == http.MethodConnect {
		h["Connection"] = []string{"close"}
		w.lingers()
	}
	w.reason = f.phrase()
	rw.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		rw.Write(body)
	}
}

// answerRaw answers a request that net/http never saw.
func (x *exchange) answerRaw(minor int) {
	f := x.denial()
	contentType, body := f.body(acceptText)
	h := make(http.Header)
	f.fill(h, contentType, len(body))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close")
	var b strings.Builder
	b.WriteString("HTTP/1." + strconv.Itoa(minor) + " " + strconv.Itoa(f.status) + " " + f.phrase() + "\r\n")
	h.Write(&b)
	b.WriteString("\r\n")
	if x.request.Method != http.MethodHead {
		b.Write(body)
	}
	x.wire.Write([]byte(b.String())) // a client that is gone needs no answer
}

// fill sets the fields of the denial contract.
func (f *refusal) fill(h http.Header, contentType string, size int) {
	h.Set("Server", serverName)
	h.Set("Proxy-Status", f.proxyStatus())
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(size))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
}

// proxyStatus is the field of RFC 9209.
func (f *refusal) proxyStatus() string {
	s := serverName + "; error=" + f.word
	if f.nextHop != "" {
		s += "; next-hop=" + quoteString(f.nextHop)
	}
	if f.received != 0 {
		s += "; received-status=" + strconv.Itoa(f.received)
	}
	details := f.details()
	if f.detail != "" {
		details += ": " + f.detail
	}
	return s + "; details=" + quoteString(details)
}

// details is the code, the target and the id, as far as they are known.
func (f *refusal) details() string {
	return f.compose("", 1<<10)
}

// phrase is the reason phrase: clients in Go and Python show it in full, curl with -v. It is ASCII.
func (f *refusal) phrase() string {
	return f.compose(f.head+": ", maxPhrase)
}

// compose joins prefix, code, target and id in at most limit bytes. Only a target is long: it is cut.
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

// quoteString writes s as a String of RFC 9651 (formerly 8941), 4.1.6.
func quoteString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeStatus writes b, which begins with the status line of an answer of ours, with w.reason for its
// reason phrase: net/http knows only the phrases of its own table.
func (w *wire) writeStatus(b []byte) (int, error) {
	const fixed = len("HTTP/1.1 403")
	reason := w.reason
	w.reason = ""
	end := strings.Index(string(b[:min(len(b), 256)]), "\r\n")
	if end < fixed {
		return w.tcp.Write(b)
	}
	out := make([]byte, 0, len(b)+len(reason))
	out = append(out, b[:fixed]...)
	out = append(out, ' ')
	out = append(out, reason...)
	out = append(out, b[end:]...)
	if _, err := w.tcp.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
