package proxy

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"webproxy/policy"
)

// A helloRefusal is why a tunnel ends with its client's first bytes.
type helloRefusal struct {
	// alert is the TLS alert that the client is sent (RFC 8446, 6.2); 0 if it would not understand.
	alert byte
	// version is of the alert's record.
	version uint16
}

func (*helloRefusal) Error() string { return "tunnel refused for its first bytes" }

// Alerts of RFC 8446, 6.2.
const (
	alertDecodeError      = 50
	alertMissingExtension = 109
	alertUnrecognizedName = 112
)

// open waits for what the client sends first, asks t.judge about it, and delivers it: at once, unless
// it is the beginning of a TLS hello, which is judged whole. The other direction does not wait.
// If it is refused, none of it is delivered; the tunnel is then over, and the client has been told.
// After a hello it watches for a second one.
func (t *tunnel) open(f *tunnelFlow) error {
	first := t.early
	t.early = nil // a tunnel may live for days
	var buf *[tunnelBuffer]byte
	if t.judge != nil && len(first) == 0 {
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
	if t.judge == nil {
		return f.write(first)
	}
	var h hello
	end := len(first)
	if protocolOf(first) != beginsOther {
		var err error
		elsewhere(func() { first, end, buf, err = t.readHello(f, &h, first, buf) })
		if err != nil {
			return err
		}
	}
	sni := h.sni // as it came: judge may write it anew
	if refusal := t.judge(&h); refusal != nil {
		t.refuse(refusal)
		return refusal
	}
	if !h.tls {
		return f.write(first)
	}
	if err := f.write(first[:end]); err != nil {
		return err
	}
	watch := helloWatch{sni: sni, early: h.early}
	buf, err := t.watchHello(f, &watch, &h, first[end:], buf)
	return err
}

// readHello reads on until the hello of which b is the beginning can be judged, and fills h. It
// returns all that was read, and where in it the hello ends. buf is what b stands in, if it is a borrowed
// buffer; the caller gives back the one returned. The error is of the connection.
func (t *tunnel) readHello(f *tunnelFlow, h *hello, b []byte, buf *[tunnelBuffer]byte) ([]byte, int, *[tunnelBuffer]byte, error) {
	var frame helloFrame
	whole, flaw := frame.scan(b)
	if !whole && flaw == helloFlawless {
		if buf == nil { // it came with the CONNECT
			buf = f.pools.buffer()
			b = buf[:copy(buf[:], b)] // frame.scan has seen that it fits
		}
		if t.helloWait > 0 {
			f.src.SetReadDeadline(time.Now().Add(t.helloWait))
			defer f.src.SetReadDeadline(noDeadline)
		}
	}
	for !whole && flaw == helloFlawless {
		n, err := f.src.Read(buf[len(b):])
		b = buf[:len(b)+n]
		switch {
		case n > 0: // an error will come again
			whole, flaw = frame.scan(b)
		case isDeadline(err):
			flaw = helloLate
		case errors.Is(err, io.EOF):
			if flaw = helloCutOff; protocolOf(b) == beginsUnclear {
				flaw = helloNone // nothing will make it TLS
			}
		default:
			return b, 0, buf, err
		}
	}
	if flaw == helloNone {
		return b, len(b), buf, nil
	}
	if flaw == helloFlawless {
		*h, flaw = parseHello(frame.message(b))
	}
	h.tls, h.flaw = true, flaw
	return b, frame.next, buf, nil
}

// elsewhere runs f in a goroutine of its own, and waits for it: the stack that f needs is given back, while
// that of a tunnel's goroutine stays as large as it once was for as long as the tunnel is open.
func elsewhere(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// refuse ends the tunnel and says why to the client, unless the origin has spoken before: an alert in
// the middle of whatever that is would be noise.
func (t *tunnel) refuse(r *helloRefusal) {
	t.client.SetWriteDeadline(time.Now().Add(lingerTime)) // also for the other direction, should it be stuck
	t.stop(tunnelRefused)
	if r.alert != 0 && t.in.Load() == 0 {
		const recordAlert, fatal = 21, 2
		t.client.Write([]byte{recordAlert, byte(r.version >> 8), byte(r.version), 0, 2, fatal, r.alert})
	}
}

// judgeHello has the rules judge how the tunnel begins, and keeps h for the records. It is called in
// the tunnel's goroutine.
func (x *exchange) judgeHello(h *hello) *helloRefusal {
	if x.decision.Permit && x.set.Suits(&x.request, x.helloFacts(h), x.srv.TLS.demands(x.request.Target.Port())) {
		x.hello.Store(h)
		if x.srv.policySet() == x.set {
			return nil
		}
	}
	return x.judgeUnusual(h)
}

// judgeUnusual is judgeHello for what must be judged anew. It is a function of its own for the room that it
// takes on a stack which most tunnels keep as small as it is.
func (x *exchange) judgeUnusual(h *hello) *helloRefusal {
	t := &x.request.Target
	if h.sni != "" && h.sni != t.Host() {
		// As hosts are written everywhere; what cannot be a host stays as it came.
		if named, err := policy.ParseTarget(policy.HTTPS, h.sni+":"+strconv.Itoa(int(t.Port()))); err == nil {
			h.sni = named.Host()
		}
	}
	x.decision = x.helloDecision(x.set, x.decision, &x.request, h)
	x.hello.Store(h)
	// A Set installed since the decision was rechecked without the hello. If it ends the tunnel
	// anyway, that is not for now.
	if set := x.srv.policySet(); set != x.set && x.decision.Permit {
		if d, req := x.decideAgain(set); d.Permit {
			if d = x.helloDecision(set, d, &req, h); !d.Permit {
				x.decision = d
			}
		}
	}
	if x.decision.Permit {
		return nil
	}
	refusal := &helloRefusal{version: min(max(h.version, 0x0301), 0x0303)}
	switch x.decision.Reason {
	case policy.SNIMismatch:
		// "No server exists identified by the name": through here, none does. access_denied would
		// be about a certificate.
		refusal.alert = alertUnrecognizedName
		x.detail = fmt.Sprintf("the TLS hello names %q, which this client may not reach on port %d", policy.Quotable(h.sni), t.Port())
	case policy.SNIRequired:
		refusal.alert = alertMissingExtension // RFC 8446, 9.2
	case policy.BadHello:
		refusal.alert = alertDecodeError
		x.detail = string(h.flaw)
	}
	return refusal
}

// helloDecision is what set says of d's tunnel once its hello is known.
func (x *exchange) helloDecision(set *policy.Set, d policy.Decision, req *policy.Request, h *hello) policy.Decision {
	return set.CheckHello(d, req, x.helloFacts(h), x.srv.TLS.demands(req.Target.Port()))
}

func (x *exchange) helloFacts(h *hello) policy.Hello {
	return policy.Hello{TLS: h.tls, SNI: h.sni, Malformed: h.flaw != helloFlawless}
}

// fillHello fills in what is known of the tunnel's beginning.
func (x *exchange) fillHello() {
	h := x.hello.Load()
	if h == nil {
		return
	}
	r := &x.rec
	r.SNI, r.TLS, r.ALPN, r.ECH, r.JA4 = policy.Quotable(h.sni), h.versionWord(), h.alpn, h.ech, h.ja4
}
