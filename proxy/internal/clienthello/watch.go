package clienthello

// A Watch tracks what a client sends after its ClientHello for as long as a second one may arrive, which the server
// requests by a HelloRetryRequest (RFC 8446, 4.1.4). Servers take the host from the second (OpenSSL does), so it must
// name the host that the first one named.
type Watch struct {
	SNI   string // in the first one, as sent
	Early bool   // early data may arrive between the two

	left int                // bytes of the record in progress still to come
	got  int                // bytes of head
	head [recordHeader]byte // of the next record
	Over bool               // no second one can arrive any more
}

// Pass returns how many bytes of b may be forwarded. If less than all, the rest begins with a handshake record.
func (w *Watch) Pass(b []byte) int {
	at := 0
	for at < len(b) && !w.Over {
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
				// Without early data it is encrypted by keys that both have: no ClientHello can follow.
				w.Over = !w.Early
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
