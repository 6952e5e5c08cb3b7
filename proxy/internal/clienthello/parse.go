package clienthello

import (
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// A Hello is the first message of a tunnel's client, as far as it is checked and recorded.
type Hello struct {
	TLS     bool          // it begins like TLS
	Err     ProtocolError // why no more is known of it
	Version uint16        // the highest TLS version offered
	SNI     string        // in clear; empty if there is none
	ALPN    string        // the first of the protocols offered, comma between
	ECH     bool          // an encrypted ClientHello is offered, or pretended (GREASE) (RFC 9849, 6.2)
	Early   bool          // early data may follow at once (RFC 8446, 4.2.10)
	JA4     string        // see ja4.go
}

// maxALPN bounds how many protocols are recorded.
const maxALPN = 8

// Extensions that are parsed; the numbers are IANA's.
const (
	extServerName        = 0
	extSignatures        = 13
	extALPN              = 16
	extEarlyData         = 42
	extSupportedVersions = 43
	extECH               = 0xfe0d
)

// clientHello is a ClientHello (RFC 8446, 4.1.2), in the parts that matter here.
type clientHello struct {
	Hello
	ciphers    []uint16
	extensions []uint16 // their types
	signatures []uint16
	protocol   string // the first offered
}

// Parse reads the body of a ClientHello. It accepts only what is well-formed to the last byte: anything that the
// origin might read differently is an error.
func Parse(body []byte) (Hello, ProtocolError) {
	const usual = 48 // clients have fewer of either
	room := make([]uint16, 3*usual)
	h := clientHello{ciphers: room[:0:usual], extensions: room[usual : usual : 2*usual], signatures: room[2*usual : 2*usual]}
	h.TLS = true
	s := cryptobyte.String(body)
	var session, suites, compression, all cryptobyte.String
	if !s.ReadUint16(&h.Version) || !s.Skip(32) ||
		!s.ReadUint8LengthPrefixed(&session) || len(session) > 32 ||
		!s.ReadUint16LengthPrefixed(&suites) ||
		!s.ReadUint8LengthPrefixed(&compression) || compression.Empty() {
		return Hello{}, ErrMalformed
	}
	var ok bool
	if h.ciphers, ok = readUint16s(h.ciphers, suites); !ok {
		return Hello{}, ErrMalformed
	}
	if !s.Empty() && (!s.ReadUint16LengthPrefixed(&all) || !s.Empty()) {
		return Hello{}, ErrMalformed
	}
	for !all.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !all.ReadUint16(&typ) || !all.ReadUint16LengthPrefixed(&data) {
			return Hello{}, ErrMalformed
		}
		h.extensions = append(h.extensions, typ)
		if f := h.extension(typ, data); f != NoError {
			return Hello{}, f
		}
	}
	slices.Sort(h.extensions)
	for i := 1; i < len(h.extensions); i++ {
		if h.extensions[i] == h.extensions[i-1] {
			return Hello{}, ErrRepeatedExtension
		}
	}
	h.JA4 = h.fingerprint()
	return h.Hello, NoError
}

// extension reads one extension.
func (h *clientHello) extension(typ uint16, data cryptobyte.String) ProtocolError {
	ok := true
	var list cryptobyte.String
	switch typ {
	case extServerName:
		return h.serverName(data)
	case extALPN:
		ok = h.protocols(data)
	case extSupportedVersions:
		ok = data.ReadUint8LengthPrefixed(&list) && data.Empty() && h.versions(list)
	case extSignatures:
		if ok = data.ReadUint16LengthPrefixed(&list) && data.Empty(); ok {
			h.signatures, ok = readUint16s(h.signatures, list)
		}
	case extECH:
		h.ECH = true
	case extEarlyData:
		h.Early = true
	}
	if !ok {
		return ErrMalformed
	}
	return NoError
}

// serverName reads the one name that RFC 6066, 3 allows.
func (h *clientHello) serverName(data cryptobyte.String) ProtocolError {
	var list, name cryptobyte.String
	var typ uint8
	switch {
	case !data.ReadUint16LengthPrefixed(&list) || !data.Empty() || !list.ReadUint8(&typ):
		return ErrServerName
	case typ != 0:
		return ErrNameType
	case !list.ReadUint16LengthPrefixed(&name) || name.Empty():
		return ErrServerName
	case !list.Empty():
		return ErrManyNames
	}
	h.SNI = string(name)
	return NoError
}

// protocols reads ALPN's list (RFC 7301, 3.1).
func (h *clientHello) protocols(data cryptobyte.String) bool {
	var list, name cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) || !data.Empty() || list.Empty() {
		return false
	}
	var space [64]byte
	all := space[:0]
	for n := 0; !list.Empty(); n++ {
		if !list.ReadUint8LengthPrefixed(&name) || name.Empty() {
			return false
		}
		switch {
		case n == 0:
			h.protocol = string(name)
			all = append(all, name...)
		case n < maxALPN:
			all = append(append(all, ','), name...)
		}
	}
	h.ALPN = string(all)
	return true
}

// versions reads the list of versions, which replaces the old field (RFC 8446, 4.2.1).
func (h *clientHello) versions(list cryptobyte.String) bool {
	var space [16]uint16
	all, ok := readUint16s(space[:0], list)
	highest := uint16(0)
	for _, v := range all {
		if !isGREASE(v) {
			highest = max(highest, v)
		}
	}
	if highest != 0 {
		h.Version = highest
	}
	return ok
}

// readUint16s appends a list of numbers, which must not be empty, to dst.
func readUint16s(dst []uint16, list cryptobyte.String) ([]uint16, bool) {
	if list.Empty() {
		return dst, false
	}
	for !list.Empty() {
		var v uint16
		if !list.ReadUint16(&v) {
			return dst, false
		}
		dst = append(dst, v)
	}
	return dst, true
}

// isGREASE reports whether v is a GREASE value, which has no meaning (RFC 8701).
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// VersionWord is the audit log's word for the version that h offers; "none" if it is not TLS, empty if it could not
// be read.
func (h *Hello) VersionWord() string {
	switch {
	case !h.TLS:
		return "none"
	case h.Err != NoError:
		return ""
	}
	switch h.Version {
	case 0x0304:
		return "1.3"
	case 0x0303:
		return "1.2"
	case 0x0302:
		return "1.1"
	case 0x0301:
		return "1.0"
	case 0x0300:
		return "ssl3"
	}
	return fmt.Sprintf("0x%04x", h.Version)
}
