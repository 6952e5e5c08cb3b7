package clienthello

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// fingerprint is h's JA4, after FoxIO's description of it (github.com/FoxIO-LLC/ja4, "JA4: TLS Client
// Fingerprinting", which is under the BSD 3-clause licence, unlike the rest of JA4+). h.extensions must
// be sorted; h.ciphers will be.
func (h *clientHello) fingerprint() string {
	ciphers := withoutGREASE(h.ciphers)
	extensions := withoutGREASE(h.extensions)
	slices.Sort(ciphers)

	var space [64]byte
	b := append(space[:0], 't')
	b = append(b, ja4Version(h.Version)...)
	if h.SNI != "" {
		b = append(b, 'd')
	} else {
		b = append(b, 'i')
	}
	b = appendCount(b, len(ciphers))
	b = appendCount(b, len(extensions))
	b = h.appendALPN(b)

	var text [512]byte
	b = appendHash(append(b, '_'), appendList(text[:0], ciphers))
	list := appendList(text[:0], slices.DeleteFunc(extensions, func(v uint16) bool { return v == extServerName || v == extALPN }))
	if signatures := withoutGREASE(h.signatures); len(list) > 0 && len(signatures) > 0 {
		list = appendList(append(list, '_'), signatures)
	}
	return string(appendHash(append(b, '_'), list))
}

func ja4Version(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002:
		return "s2"
	}
	return "00"
}

// appendALPN writes the first and the last character of the first protocol, or of its hexadecimal
// form if one of them is neither a letter nor a digit.
func (h *clientHello) appendALPN(b []byte) []byte {
	p := h.protocol
	if p == "" {
		return append(b, "00"...)
	}
	first, last := p[0], p[len(p)-1]
	if isAlphanumeric(first) && isAlphanumeric(last) {
		return append(b, first, last)
	}
	const digits = "0123456789abcdef"
	return append(b, digits[first>>4], digits[last&15])
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// withoutGREASE drops GREASE values from list, in place.
func withoutGREASE(list []uint16) []uint16 { return slices.DeleteFunc(list, isGREASE) }

// appendCount writes n in two digits, at most 99.
func appendCount(b []byte, n int) []byte {
	n = min(n, 99)
	return append(b, byte('0'+n/10), byte('0'+n%10))
}

// appendList writes list in hexadecimal, with commas between.
func appendList(b []byte, list []uint16) []byte {
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = hex.AppendEncode(b, []byte{byte(v >> 8), byte(v)})
	}
	return b
}

// appendHash writes the first 12 digits of text's SHA-256, or zeros if there is no text.
func appendHash(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, "000000000000"...)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(b, sum[:6])
}
