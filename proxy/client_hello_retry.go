package proxy

import "webproxy/proxy/internal/clienthello"

// watchClientHello delivers what the client sends until w is over. b, which contains the first ClientHello, is in
// buf; if buf is nil, it is elsewhere. It returns the buffer that it has borrowed, for the caller to give back.
func (t *tunnel) watchClientHello(f *tunnelFlow, w *clienthello.Watch, first *clienthello.Hello, b []byte, buf *[tunnelBuffer]byte) (*[tunnelBuffer]byte, error) {
	for {
		n := w.Pass(b)
		if n > 0 {
			if err := f.write(b[:n]); err != nil {
				return buf, err
			}
		}
		if b = b[n:]; len(b) > 0 {
			return t.secondClientHello(f, w, first, b, buf)
		}
		if buf != nil {
			f.pools.giveBack(buf)
			buf = nil
		}
		if w.Over {
			return nil, nil
		}
		var err error
		if buf, n, err = f.receive(); err != nil {
			return nil, err
		}
		b = buf[:n]
	}
}

// secondClientHello delivers b, the beginning of a handshake record. If that is a ClientHello, it is read whole, and
// refused unless it names the same host as first.
func (t *tunnel) secondClientHello(f *tunnelFlow, w *clienthello.Watch, first *clienthello.Hello, b []byte, buf *[tunnelBuffer]byte) (*[tunnelBuffer]byte, error) {
	if buf != nil {
		b = buf[:copy(buf[:], b)] // to the start of buf, for room
	}
	var h clienthello.Hello
	var err error
	onFreshStack(func() { b, _, buf, err = t.readClientHello(f, &h, b, buf) })
	switch {
	case err != nil:
		return buf, err
	case h.Err == clienthello.ErrNoClientHello, h.Err == clienthello.ErrIncomplete:
		return buf, f.write(b) // the handshake goes on in TLS 1.2, or is over
	case h.Err == clienthello.NoError && h.SNI == w.SNI:
		return buf, f.write(b)
	}
	again := *first
	if again.Err = h.Err; again.Err == clienthello.NoError {
		again.Err = clienthello.ErrRenamed
	}
	refusal := t.checkHello(&again)
	if refusal == nil { // a malformed one is refused already
		refusal = &clientHelloRefusal{}
	}
	t.refuse(refusal)
	return buf, refusal
}
