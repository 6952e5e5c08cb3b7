package audit

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A compactRange is the compact range of a Merkle tree (RFC 6962, 2.1): the hashes that must be kept to append
// leaves. The n-th leaf is the record with the sequence number n+1, so size is the last one's number.
type compactRange struct {
	size   uint64
	hashes []tlog.Hash // of the complete subtrees, the largest first: one for each bit set in size
}

// unknownRange is the compact range of size records that were never read. It stands for them where a tree must begin
// in the middle of a log, and differs from every true one.
func unknownRange(size uint64) compactRange {
	return compactRange{size, make([]tlog.Hash, bits.OnesCount64(size))}
}

// push adds a leaf. Each subtree that it completes joins its neighbour: one join a leaf, on average.
func (e *compactRange) push(leaf tlog.Hash) {
	for n := e.size; n&1 == 1; n >>= 1 {
		last := len(e.hashes) - 1
		leaf = tlog.NodeHash(e.hashes[last], leaf)
		e.hashes = e.hashes[:last]
	}
	e.hashes = append(e.hashes, leaf)
	e.size++
}

// root is the hash of the whole tree.
func (e *compactRange) root() tlog.Hash {
	last := len(e.hashes) - 1
	if last < 0 {
		return sha256.Sum256(nil)
	}
	root := e.hashes[last]
	for _, left := range slices.Backward(e.hashes[:last]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

func (e *compactRange) clone() compactRange { return compactRange{e.size, slices.Clone(e.hashes)} }

// A hasher makes leaves of lines. It is tlog.RecordHash without its allocations; not for concurrent use.
type hasher struct{ scratch []byte }

// leaf is the hash of a line without its newline: SHA-256 of a zero byte and the line.
func (h *hasher) leaf(line []byte) tlog.Hash {
	h.scratch = append(append(h.scratch[:0], 0), line...)
	return sha256.Sum256(h.scratch)
}
