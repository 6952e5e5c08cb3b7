package proxy

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"webproxy/policy"
	"webproxy/proxy/internal/clienthello"
)

// A clientHelloRefusal ends a tunnel because of the first bytes that its client sent.
type clientHelloRefusal struct {
	// alert is the TLS alert for the client (RFC 8446, 6.2); 0 if the client does not speak TLS.
	alert byte
	// version is of the alert's record.
	version uint16
}

func (*clientHelloRefusal) Error() string { return "tunnel refused for its first bytes" }

// Alerts of RFC 8446, 6.2.
const (
	alertDecodeError      = 50
	alertMissingExtension = 109
	alertUnrecognizedName = 112
)

// open waits for the first bytes from the client, has t.checkHello check them, and delivers them: at once, unless
// they begin a ClientHello, which is checked as a whole. The other direction does not wait. If the ClientHello is
// refused, none of it is delivered: the client has been told and the tunnel ends. After a ClientHello, open watches
// for a second one.
func (t *tunnel) open(f *tunnelFlow) error {
	first := t.buffered
	t.buffered = nil // a tunnel may live for days
	var buf *[tunnelBuffer]byte
	if t.checkHello != nil && len(first) == 0 {
		var n int
		var err error
		if buf, n, err = f.receive(); err != nil {
			return err
		}
		first = buf[:n]
	}
	defer func() {
		if buf != nil {
			f.pools.giveBack(buf)
		}
	}()
	if len(first) == 0 {
		return nil
	}
	if t.checkHello == nil {
		return f.write(first)
	}
	var h clienthello.Hello
	end := len(first)
	if clienthello.ProtocolOf(first) != clienthello.BeginsOther {
		var err error
		onFreshStack(func() { first, end, buf, err = t.readClientHello(f, &h, first, buf) })
		if err != nil {
			return err
		}
	}
	sni := h.SNI // as sent: checkHello may normalise it
	if refusal := t.checkHello(&h); refusal != nil {
		t.refuse(refusal)
		return refusal
	}
	if !h.TLS {
		return f.write(first)
	}
	if err := f.write(first[:end]); err != nil {
		return err
	}
	watch := clienthello.Watch{SNI: sni, Early: h.Early}
	buf, err := t.watchClientHello(f, &watch, &h, first[end:], buf)
	return err
}

// readClientHello reads until the ClientHello that b begins can be checked, and fills h. It returns all bytes that were
// read, and where in them the ClientHello ends. buf is the pooled buffer that holds b, or nil; the caller gives back the
// one returned. The error is of the connection.
func (t *tunnel) readClientHello(f *tunnelFlow, h *clienthello.Hello, b []byte, buf *[tunnelBuffer]byte) ([]byte, int, *[tunnelBuffer]byte, error) {
	var frame clienthello.Frame
	whole, problem := frame.Scan(b)
	if !whole && problem == clienthello.NoError {
		if buf == nil { // it came with the CONNECT
			buf = f.pools.buffer()
			b = buf[:copy(buf[:], b)] // it fits: Frame.Scan bounds it
		}
		if t.clientHelloTimeout > 0 {
			f.src.SetReadDeadline(time.Now().Add(t.clientHelloTimeout))
			defer f.src.SetReadDeadline(noDeadline)
		}
	}
	for !whole && problem == clienthello.NoError {
		n, err := f.src.Read(buf[len(b):])
		b = buf[:len(b)+n]
		switch {
		case n > 0: // an error that came with bytes is returned again by the next read
			whole, problem = frame.Scan(b)
		case isDeadline(err):
			problem = clienthello.ErrTimeout
		case errors.Is(err, io.EOF):
			if problem = clienthello.ErrIncomplete; clienthello.ProtocolOf(b) == clienthello.BeginsUnclear {
				problem = clienthello.ErrNoTLS // further bytes cannot make it TLS
			}
		default:
			return b, 0, buf, err
		}
	}
	if problem == clienthello.ErrNoTLS {
		return b, len(b), buf, nil
	}
	if problem == clienthello.NoError {
		*h, problem = clienthello.Parse(frame.Message(b))
	}
	h.TLS, h.Err = true, problem
	return b, frame.Next, buf, nil
}

// onFreshStack runs f on a goroutine of its own and waits for it. Its stack is freed afterwards, while a tunnel's own
// goroutine keeps the largest stack that it ever needed for as long as the tunnel is open.
func onFreshStack(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// refuse ends the tunnel and tells the client why, unless the origin has sent something before: an alert within the
// origin's TLS stream would be garbage.
func (t *tunnel) refuse(r *clientHelloRefusal) {
	t.client.SetWriteDeadline(time.Now().Add(lingerTime)) // unblocks the other direction too
	t.stop(tunnelRefused)
	if r.alert != 0 && t.in.Load() == 0 {
		const recordAlert, fatal = 21, 2
		t.client.Write([]byte{recordAlert, byte(r.version >> 8), byte(r.version), 0, 2, fatal, r.alert})
	}
}

// checkClientHello evaluates the rules for the first bytes of the tunnel, and keeps h for the records. It is called on the
// tunnel's goroutine.
func (x *exchange) checkClientHello(h *clienthello.Hello) *clientHelloRefusal {
	if x.decision.Permit && x.set.Suits(&x.request, x.clientHelloFacts(h), x.srv.TLS.demands(x.request.Target.Port())) {
		x.clientHello.Store(h)
		if x.srv.policySet() == x.set {
			return nil
		}
	}
	return x.checkUnusualHello(h)
}

// checkUnusualHello is checkClientHello for when the decision may change. It is a separate function because it needs
// more stack, which most tunnels never do.
func (x *exchange) checkUnusualHello(h *clienthello.Hello) *clientHelloRefusal {
	t := &x.request.Target
	if h.SNI != "" && h.SNI != t.Host() {
		// Normalised as hosts are; what cannot be a host stays as it was sent.
		if named, err := policy.ParseTarget(policy.HTTPS, h.SNI+":"+strconv.Itoa(int(t.Port()))); err == nil {
			h.SNI = named.Host()
		}
	}
	x.setDecision(x.clientHelloDecision(x.set, x.decision, &x.request, h))
	x.clientHello.Store(h)
	// Recheck may have evaluated this tunnel for a newer Set, then without its ClientHello. If that Set ends the
	// tunnel for another reason, Recheck ends it, not this check.
	if set := x.srv.policySet(); set != x.set && x.decision.Permit {
		if d, req := x.decideAgain(set); d.Permit {
			if d = x.clientHelloDecision(set, d, &req, h); !d.Permit {
				x.setDecision(d)
			}
		}
	}
	if x.decision.Permit {
		return nil
	}
	refusal := &clientHelloRefusal{version: min(max(h.Version, 0x0301), 0x0303)}
	switch x.decision.Reason {
	case policy.SNIMismatch:
		// unrecognized_name: "No server exists identified by the name". Through this proxy, none does. access_denied
		// would be about a certificate.
		refusal.alert = alertUnrecognizedName
		x.detail = fmt.Sprintf("the ClientHello names %q, which this client may not reach on port %d", policy.Quotable(h.SNI), t.Port())
	case policy.SNIRequired:
		refusal.alert = alertMissingExtension // RFC 8446, 9.2
	case policy.BadHello:
		refusal.alert = alertDecodeError
		x.detail = string(h.Err)
	}
	return refusal
}

// clientHelloDecision is set's decision about d's tunnel once its ClientHello is known.
func (x *exchange) clientHelloDecision(set *policy.Set, d policy.Decision, req *policy.Request, h *clienthello.Hello) policy.Decision {
	return set.CheckClientHello(d, req, x.clientHelloFacts(h), x.srv.TLS.demands(req.Target.Port()))
}

func (x *exchange) clientHelloFacts(h *clienthello.Hello) policy.ClientHello {
	return policy.ClientHello{TLS: h.TLS, SNI: h.SNI, Malformed: h.Err != clienthello.NoError}
}

// fillClientHello fills in the fields about the ClientHello.
func (x *exchange) fillClientHello() {
	h := x.clientHello.Load()
	if h == nil {
		return
	}
	r := &x.rec
	r.SNI, r.TLS, r.ALPN, r.ECH, r.JA4 = policy.Quotable(h.SNI), h.VersionWord(), h.ALPN, h.ECH, h.JA4
}
