package clienthello

// A Beginning is what a client's first bytes in a tunnel begin.
type Beginning uint8

const (
	BeginsUnclear  Beginning = iota // more bytes are needed to tell
	BeginsOther                     // something that cannot contain a ClientHello
	BeginsTLS                       // TLS records
	BeginsSSL2                      // a ClientHello in the format of SSL 2.0
	BeginsPreamble                  // a PROXY protocol header
)

// Content types of TLS records (RFC 8446, 5.1 and RFC 6520, 3). Servers have been seen to skip a record of each
// before the ClientHello: warning alerts (Go, OpenSSL, JSSE), change_cipher_spec (GnuTLS).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordApplicationData  = 23
	recordHeartbeat        = 24
)

// ProtocolOf classifies b, a client's first bytes. It ignores the version in a TLS record: servers ignore it (RFC
// 8446, 5.1).
func ProtocolOf(b []byte) Beginning {
	switch {
	case len(b) == 0:
		return BeginsUnclear
	case recordChangeCipherSpec <= b[0] && b[0] <= recordHeartbeat:
		return BeginsTLS
	case b[0]&0x80 != 0:
		return ssl2(b)
	}
	return preamble(b)
}

// ssl2 recognises a ClientHello in the format of SSL 2.0 with a header of two bytes (RFC 5246, E.2): length, type 1,
// version. It cannot name a host.
func ssl2(b []byte) Beginning {
	const maxLength = 0x4200 // longer than servers accept
	switch {
	case b[0]&0x7f > maxLength>>8:
		return BeginsOther
	case len(b) < 3:
		return BeginsUnclear
	case b[2] != typeClientHello:
		return BeginsOther
	case len(b) < 5:
		return BeginsUnclear
	case b[3] == 3 && b[4] <= 4, b[3] == 0 && b[4] == 2:
		return BeginsSSL2
	}
	return BeginsOther
}

// The two beginnings of a PROXY protocol header. Many origins accept one from any peer, and read the ClientHello
// after it, from a client that could then claim any address.
const (
	preambleText   = "PROXY "
	preambleBinary = "\r\n\r\n\x00\r\nQUIT\n"
)

func preamble(b []byte) Beginning {
	for _, p := range [...]string{preambleText, preambleBinary} {
		n := min(len(b), len(p))
		if string(b[:n]) != p[:n] {
			continue
		}
		if n < len(p) {
			return BeginsUnclear
		}
		return BeginsPreamble
	}
	return BeginsOther
}
