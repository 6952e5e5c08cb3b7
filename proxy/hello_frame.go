package proxy

// helloLimit bounds a ClientHello with the records around it, in bytes. Those of today's clients,
// post-quantum keys included, stay below 4 KiB.
const helloLimit = tunnelBuffer

const (
	recordHandshake = 22
	recordHeader    = 5       // type, version, length
	maxRecord       = 1 << 14 // RFC 8446, 5.1
	messageHeader   = 4       // type, length of 3 bytes
	typeClientHello = 1
)

// A helloFlaw is why bytes that begin like TLS are no ClientHello that can be judged. The zero one is
// none. Its text is for the operator.
type helloFlaw string

const (
	helloFlawless    helloFlaw = ""
	helloTooLarge    helloFlaw = "TLS hello too large"
	helloLate        helloFlaw = "TLS hello not complete in time"
	helloCutOff      helloFlaw = "connection closed inside the TLS hello"
	helloBadRecord   helloFlaw = "TLS hello in malformed records"
	helloOther       helloFlaw = "TLS session that does not begin with a ClientHello"
	helloMalformed   helloFlaw = "malformed TLS hello"
	helloRepeated    helloFlaw = "TLS hello with an extension twice"
	helloBadName     helloFlaw = "TLS hello with a malformed server name"
	helloManyNames   helloFlaw = "TLS hello with more than one server name"
	helloUnknownName helloFlaw = "TLS hello with a server name of unknown type"
	helloSSL2        helloFlaw = "TLS hello in the format of SSL 2.0"
	helloPreamble    helloFlaw = "PROXY protocol header before what the tunnel is for"
	helloRenamed     helloFlaw = "second TLS hello with another server name"

	// helloNone says that the bytes turned out to be no TLS. It is recorded for no tunnel.
	helloNone helloFlaw = "not TLS"
)

// A helloFrame follows the records that a ClientHello comes in, however they and it are cut. Bytes are
// looked at once, in whatever portions they come.
type helloFrame struct {
	next  int // where the next record begins: those before it are whole
	count int // of these
	got   int // bytes of the message in them
	head  [messageHeader]byte
}

// scan looks at b, all that has come so far, and tells whether the hello is whole. Its flaw is helloNone if b
// begins something other than TLS.
func (s *helloFrame) scan(b []byte) (whole bool, f helloFlaw) {
	if s.next == 0 {
		switch protocolOf(b) {
		case beginsUnclear:
			return false, helloFlawless
		case beginsOther:
			return false, helloNone
		case beginsSSL2:
			return false, helloSSL2
		case beginsPreamble:
			return false, helloPreamble
		}
	}
	if len(b) > s.next && b[s.next] != recordHandshake {
		return false, helloBadRecord
	}
	for len(b) >= s.next+recordHeader {
		h := b[s.next : s.next+recordHeader]
		size := int(h[3])<<8 | int(h[4])
		if h[0] != recordHandshake || size == 0 || size > maxRecord {
			return false, helloBadRecord
		}
		start := s.next + recordHeader
		end := start + size
		if s.got == 0 && len(b) > start && b[start] != typeClientHello {
			return false, helloOther
		}
		if end > helloLimit {
			return false, helloTooLarge
		}
		if len(b) < end {
			return false, helloFlawless
		}
		if s.got < messageHeader {
			copy(s.head[s.got:], b[start:end])
		}
		s.got, s.next, s.count = s.got+size, end, s.count+1
		if s.got < messageHeader {
			continue
		}
		switch need := s.size(); {
		case need > helloLimit:
			return false, helloTooLarge
		case s.got > need:
			return false, helloBadRecord // a hello ends with its record (RFC 8446, 5.1)
		case s.got == need:
			return true, helloFlawless
		}
	}
	if len(b) >= helloLimit {
		return false, helloTooLarge
	}
	return false, helloFlawless
}

// size is that of the message, with its header.
func (s *helloFrame) size() int {
	return messageHeader + (int(s.head[1])<<16 | int(s.head[2])<<8 | int(s.head[3]))
}

// message returns the body of a hello that is whole in b. It may share b's memory.
func (s *helloFrame) message(b []byte) []byte {
	if s.count == 1 {
		return b[recordHeader+messageHeader : s.next]
	}
	m := make([]byte, 0, s.got)
	for at := 0; at < s.next; {
		size := int(b[at+3])<<8 | int(b[at+4])
		m = append(m, b[at+recordHeader:at+recordHeader+size]...)
		at += recordHeader + size
	}
	return m[messageHeader:]
}
