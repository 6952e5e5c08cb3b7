package proxy

// A helloWatch follows what a client sends after its ClientHello as far as a second one may come, which the server
// asks for by a HelloRetryRequest (RFC 8446, 4.1.4). Servers take the host from the second (OpenSSL does), so it must
// name the host that the first one named.
type helloWatch struct {
	sni   string // in the first one, as it came
	early bool   // early data may come between the two

	left int                // bytes of the record in progress still to come
	got  int                // bytes of head
	head [recordHeader]byte // of the record that comes next
	over bool               // there will be no second one
}

// pass returns how many bytes of b may go on. If it is less than all, the rest begins with a handshake record.
func (w *helloWatch) pass(b []byte) int {
	at := 0
	for at < len(b) && !w.over {
		if w.left > 0 {
			n := min(w.left, len(b)-at)
			w.left -= n
			at += n
			continue
		}
		if w.got == 0 {
			switch b[at] {
			case recordHandshake:
				return at
			case recordApplicationData:
				// Without early data it is encrypted by keys that both have: the hellos are over.
				w.over = !w.early
			}
		}
		w.head[w.got] = b[at]
		at++
		if w.got++; w.got == recordHeader {
			w.got, w.left = 0, int(w.head[3])<<8|int(w.head[4])
		}
	}
	return len(b)
}

// watchHello delivers what the client sends until w is over. b came with the first hello, first, and stands in buf
// or, if that is nil, elsewhere. It returns the buffer that it has borrowed, for the caller to give back.
func (t *tunnel) watchHello(f *tunnelFlow, w *helloWatch, first *hello, b []byte, buf *[tunnelBuffer]byte) (*[tunnelBuffer]byte, error) {
	for {
		n := w.pass(b)
		if n > 0 {
			if err := f.write(b[:n]); err != nil {
				return buf, err
			}
		}
		if b = b[n:]; len(b) > 0 {
			return t.secondHello(f, w, first, b, buf)
		}
		if buf != nil {
			f.pools.giveBack(buf)
			buf = nil
		}
		if w.over {
			return nil, nil
		}
		var err error
		if buf, n, err = f.receive(); err != nil {
			return nil, err
		}
		b = buf[:n]
	}
}

// secondHello delivers b, the beginning of a handshake record. If that is a ClientHello, it is read whole, and
// refused unless it names the same host as first.
func (t *tunnel) secondHello(f *tunnelFlow, w *helloWatch, first *hello, b []byte, buf *[tunnelBuffer]byte) (*[tunnelBuffer]byte, error) {
	if buf != nil {
		b = buf[:copy(buf[:], b)] // to its start, for room
	}
	var h hello
	var err error
	elsewhere(func() { b, _, buf, err = t.readHello(f, &h, b, buf) })
	switch {
	case err != nil:
		return buf, err
	case h.flaw == helloOther, h.flaw == helloCutOff:
		return buf, f.write(b) // the handshake goes on in TLS 1.2, or is over
	case h.flaw == helloFlawless && h.sni == w.sni:
		return buf, f.write(b)
	}
	again := *first
	if again.flaw = h.flaw; again.flaw == helloFlawless {
		again.flaw = helloRenamed
	}
	refusal := t.judge(&again)
	if refusal == nil { // what is malformed has no other verdict
		refusal = &helloRefusal{}
	}
	t.refuse(refusal)
	return buf, refusal
}
