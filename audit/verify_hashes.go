package audit

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// storedHashes reads the files of hashes, mostly in order. Their content is trusted only where a checkpoint proves
// it.
type storedHashes struct {
	dir    string
	firsts []uint64
	file   *os.File
	first  uint64 // of the open file's records
	limit  uint64 // first record that is another file's
	buf    []byte
	from   uint64 // record whose hash buf begins with
}

func newStoredHashes(dir string) (*storedHashes, error) {
	firsts, err := sidecars(dir, hashesPrefix)
	return &storedHashes{dir: dir, firsts: firsts}, err
}

func (s *storedHashes) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// hash returns the stored hash of a record. It is false if there is none.
func (s *storedHashes) hash(seq uint64) (h tlog.Hash, ok bool) {
	if seq < s.from || seq-s.from >= uint64(len(s.buf)/hashSize) {
		if !s.fill(seq) {
			return h, false
		}
	}
	copy(h[:], s.buf[(seq-s.from)*hashSize:])
	return h, h != tlog.Hash{}
}

// fill reads the hashes from that of seq on.
func (s *storedHashes) fill(seq uint64) bool {
	s.buf, s.from = s.buf[:0], 0
	if s.file == nil || seq < s.first || seq >= s.limit {
		if !s.open(seq) {
			return false
		}
	}
	if seq-s.first >= hashesLimit {
		return false
	}
	room := min(uint64(cap(s.buf)/hashSize), s.limit-seq)
	n, err := s.file.ReadAt(s.buf[:room*hashSize], int64(seq-s.first)*hashSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	s.buf, s.from = s.buf[:n/hashSize*hashSize], seq
	return len(s.buf) > 0
}

// open opens the file that the hash of seq is in.
func (s *storedHashes) open(seq uint64) bool {
	s.close()
	i, found := slices.BinarySearch(s.firsts, seq)
	if !found {
		i--
	}
	if i < 0 {
		return false
	}
	f, err := os.Open(filepath.Join(s.dir, hashesFile(s.firsts[i])))
	if err != nil {
		return false
	}
	s.file, s.first, s.limit = f, s.firsts[i], 1<<64-1
	if i+1 < len(s.firsts) {
		s.limit = s.firsts[i+1]
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, 2048*hashSize)
	}
	return true
}
