package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"
)

// idAlphabet is Crockford's base 32: no I, L, O or U, so that an id survives being read aloud.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idSalt makes the ids of one log differ from those of others: an id that a client reports leads to no request of
// another proxy. It is a part of the digest of the log's public key, so that it is the same after a restart.
func idSalt(public string) uint64 {
	sum := sha256.Sum256([]byte("webproxy record ids\n" + public))
	return binary.BigEndian.Uint64(sum[:])
}

// recordID is the id of the record with the sequence number seq of a log: six characters, or more once seq does not
// fit into their 30 bits. For each salt it is a permutation of the numbers of each length, so no two records that
// were written with one key share an id, and no list of the ids in use is needed. It hides nothing; it only keeps the
// ids of neighbouring requests from looking alike.
func recordID(salt, seq uint64) string {
	chars := max(6, (bits.Len64(seq)+4)/5)
	width := min(chars*5, 64)
	mask := uint64(1)<<width - 1 // all ones for 64, where the shift yields 0
	// Adding, multiplying by an odd number and xor with an own shift are all reversible modulo 2^width.
	x := (seq + salt) * 0x9e3779b97f4a7c15 & mask
	x ^= x >> (width / 2)
	x = (x + salt>>32) * 0xd6e8feb86659fd93 & mask
	x ^= x >> (width / 2)
	var id [13]byte
	for i := chars - 1; i >= 0; i-- {
		id[i] = idAlphabet[x&31]
		x >>= 5
	}
	return string(id[:chars])
}

// SeqOf is the number of the record that has an id in a log whose public key is given; false if there can be none: the
// id is of another log, of one of an earlier key, or made by somebody else.
func SeqOf(public, id string) (seq uint64, ok bool) { return recordSeq(idSalt(public), id) }

// recordSeq takes back what recordID does.
func recordSeq(salt uint64, id string) (seq uint64, ok bool) {
	if len(id) < 6 || len(id) > 13 {
		return 0, false
	}
	var x uint64
	for i := range len(id) {
		v := strings.IndexByte(idAlphabet, id[i])
		if v < 0 {
			return 0, false
		}
		x = x<<5 | uint64(v)
	}
	width := min(len(id)*5, 64)
	mask := uint64(1)<<width - 1
	x = unxor(x, width)
	x = (x*inverse(0xd6e8feb86659fd93) - salt>>32) & mask
	x = unxor(x, width)
	seq = (x*inverse(0x9e3779b97f4a7c15) - salt) & mask
	return seq, seq > 0 && recordID(salt, seq) == id
}

// unxor is the x of which x ^ x>>(width/2) is y.
func unxor(y uint64, width int) uint64 {
	x := y
	for shift := width / 2; shift < width; shift += width / 2 {
		x ^= y >> shift
	}
	return x
}

// inverse is the x for which n*x is 1 modulo 2^64. n is odd.
func inverse(n uint64) uint64 {
	x := n // right in 3 bits; each step doubles them
	for range 5 {
		x *= 2 - n*x
	}
	return x
}
