package clienthello

// Limit bounds a ClientHello with the records around it, in bytes. Those of today's clients, post-quantum keys
// included, are below 4 KiB.
const Limit = 32 << 10

const (
	recordHandshake = 22
	recordHeader    = 5       // type, version, length
	maxRecord       = 1 << 14 // RFC 8446, 5.1
	messageHeader   = 4       // type, length of 3 bytes
	typeClientHello = 1
)

// A ProtocolError is why bytes that begin like TLS are not a ClientHello that can be checked. The zero one is no
// error. Its text is for the operator.
type ProtocolError string

const (
	NoError              ProtocolError = ""
	ErrTooLarge          ProtocolError = "ClientHello too large"
	ErrTimeout           ProtocolError = "ClientHello not complete in time"
	ErrIncomplete        ProtocolError = "connection closed inside the ClientHello"
	ErrRecords           ProtocolError = "ClientHello in malformed records"
	ErrNoClientHello     ProtocolError = "TLS session that does not begin with a ClientHello"
	ErrMalformed         ProtocolError = "malformed ClientHello"
	ErrRepeatedExtension ProtocolError = "ClientHello with an extension twice"
	ErrServerName        ProtocolError = "ClientHello with a malformed server name"
	ErrManyNames         ProtocolError = "ClientHello with more than one server name"
	ErrNameType          ProtocolError = "ClientHello with a server name of unknown type"
	ErrSSL2              ProtocolError = "ClientHello in the format of SSL 2.0"
	ErrPreamble          ProtocolError = "PROXY protocol header at the beginning of the tunnel"
	ErrRenamed           ProtocolError = "second ClientHello with another server name"

	// ErrNoTLS says that the bytes turned out not to be TLS. It is recorded for no tunnel.
	ErrNoTLS ProtocolError = "not TLS"
)

// A Frame tracks the records that a ClientHello arrives in, however it and they are split. Each byte is examined
// once, in whatever portions they arrive.
type Frame struct {
	Next  int // where the next record begins: those before it are complete
	count int // of these
	got   int // bytes of the message in them
	head  [messageHeader]byte
}

// Scan examines b, all that has arrived so far, and reports whether the ClientHello is complete. The error is
// ErrNoTLS if b begins something other than TLS.
func (s *Frame) Scan(b []byte) (whole bool, f ProtocolError) {
	if s.Next == 0 {
		switch ProtocolOf(b) {
		case BeginsUnclear:
			return false, NoError
		case BeginsOther:
			return false, ErrNoTLS
		case BeginsSSL2:
			return false, ErrSSL2
		case BeginsPreamble:
			return false, ErrPreamble
		}
	}
	for len(b) >= s.Next+recordHeader {
		h := b[s.Next : s.Next+recordHeader]
		size := int(h[3])<<8 | int(h[4])
		if h[0] != recordHandshake || size == 0 || size > maxRecord {
			return false, ErrRecords
		}
		start := s.Next + recordHeader
		end := start + size
		if s.got == 0 && len(b) > start && b[start] != typeClientHello {
			return false, ErrNoClientHello
		}
		if end > Limit {
			return false, ErrTooLarge
		}
		if len(b) < end {
			return false, NoError
		}
		if s.got < messageHeader {
			copy(s.head[s.got:], b[start:end])
		}
		s.got, s.Next, s.count = s.got+size, end, s.count+1
		if s.got < messageHeader {
			continue
		}
		switch need := s.size(); {
		case need > Limit:
			return false, ErrTooLarge
		case s.got > need:
			return false, ErrRecords // a ClientHello ends with its record (RFC 8446, 5.1)
		case s.got == need:
			return true, NoError
		}
	}
	if len(b) >= Limit {
		return false, ErrTooLarge
	}
	if len(b) > s.Next && b[s.Next] != recordHandshake {
		return false, ErrRecords
	}
	return false, NoError
}

// size is the size of the message, with its header.
func (s *Frame) size() int {
	return messageHeader + (int(s.head[1])<<16 | int(s.head[2])<<8 | int(s.head[3]))
}

// Message returns the body of a ClientHello that is complete in b. It may share b's memory.
func (s *Frame) Message(b []byte) []byte {
	if s.count == 1 {
		return b[recordHeader+messageHeader : s.Next]
	}
	m := make([]byte, 0, s.got)
	for at := 0; at < s.Next; {
		size := int(b[at+3])<<8 | int(b[at+4])
		m = append(m, b[at+recordHeader:at+recordHeader+size]...)
		at += recordHeader + size
	}
	return m[messageHeader:]
}
