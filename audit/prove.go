package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Proof shows that one record is in a log, without the log: the record, its audit path in the Merkle tree (RFC 9162,
// 2.1.3), and a signed checkpoint of that tree. As text it is a proof of c2sp.org/tlog-proof, which has the record's
// line as its extra data:
//
//	c2sp.org/tlog-proof@v1
//	extra eyJ2IjoxLCJ0eXBlIjoi...        the record's line, in base64
//	index 1240376                        its number, from 0
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//	...                                  the audit path
//
//	webproxy audit site-01               the checkpoint
//	...
type Proof struct {
	Line   []byte // as in the log, without its newline
	Seq    uint64
	Path   tlog.RecordProof
	Signed []byte // the checkpoint, a signed note
}

const (
	proofHead = "c2sp.org/tlog-proof@v1"
	// proofLimit bounds a proof as text, in bytes: the longest possible line, in base64, a path and a note.
	proofLimit = 2*lineLimit + noteLimit + 64*45
	// leavesLimit bounds the records between two checkpoints of which a proof is made.
	leavesLimit = 1 << 24
)

// ErrNotSealed is why Prove failed for a record that no checkpoint covers yet.
var ErrNotSealed = errors.New("no signed checkpoint covers this record yet")

// ErrNotProven is the error of a proof that does not hold: altered, or made by somebody else.
var ErrNotProven = errors.New("the proof does not hold")

// Prove makes the proof of the record seq, whose line is given, from the log in dir. The keys are the public keys of
// the log, as ReadPublicKey returns them. The error is ErrNotProven if the record is not what was signed.
func Prove(dir string, seq uint64, line []byte, keys []string) (*Proof, error) {
	verifiers, err := verifiers(keys)
	if err != nil {
		return nil, err
	}
	before, cover, signed, err := around(dir, seq, verifiers)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	tree := proofTree{base: before}
	if tree.leaves, err = leavesBetween(dir, before.size, cover.tree.size, seq, line); err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	path, err := tlog.ProveRecord(int64(cover.tree.size), int64(seq-1), &tree)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	p := &Proof{Line: line, Seq: seq, Path: path, Signed: signed}
	if _, err := p.Verify(keys); err != nil {
		return nil, fmt.Errorf("prove record %d: %w; webproxy audit verify names what differs", seq, err)
	}
	return p, nil
}

// around returns the tree as of the last checkpoint before the record seq, empty if there is none, and the first
// checkpoint that covers it with its note.
func around(dir string, seq uint64, keys note.Verifiers) (before compactRange, cover checkpoint, signed []byte, err error) {
	firsts, err := sidecars(dir, checkpointsPrefix)
	if err != nil {
		return before, cover, nil, err
	}
	for i, first := range firsts {
		if i+1 < len(firsts) && firsts[i+1] <= seq { // that segment begins with the last checkpoint of this one
			continue
		}
		f, err := openShared(filepath.Join(dir, checkpointsFile(first)))
		if err != nil {
			return before, cover, nil, err
		}
		for msg, err := range newNoteReader(f).all() {
			if err != nil {
				continue // torn, or garbage: that is for Verify to report
			}
			c, _, err := openCheckpoint(msg, keys)
			switch {
			case err != nil:
			case c.tree.size < seq:
				before = c.tree
			default:
				f.Close()
				return before, c, bytes.Clone(msg), nil
			}
		}
		f.Close()
	}
	return before, cover, nil, ErrNotSealed
}

// leavesBetween returns the hashes of the records from+1 to to: the stored ones, that of seq from its line, and those
// that are not stored from the records themselves.
func leavesBetween(dir string, from, to, seq uint64, line []byte) ([]tlog.Hash, error) {
	if to-from > leavesLimit || to > math.MaxInt64 {
		return nil, fmt.Errorf("%d records between two checkpoints are too many", to-from)
	}
	stored, err := newStoredHashes(dir)
	if err != nil {
		return nil, err
	}
	defer stored.close()
	all := make([]tlog.Hash, to-from)
	missing := 0
	for i := range all {
		n := from + 1 + uint64(i)
		if n == seq {
			all[i] = tlog.RecordHash(line)
			continue
		}
		var ok bool
		if all[i], ok = stored.hash(n); !ok {
			missing++
		}
	}
	if missing == 0 {
		return all, nil
	}
	q, err := ParseQuery(fmt.Sprintf("seq > %d and seq <= %d", from, to))
	if err != nil {
		return nil, err
	}
	_, err = ScanLines(dir, ScanOptions{Where: q}, func(r *Record, line string) error {
		if i := r.Seq - from - 1; i < uint64(len(all)) && all[i] == (tlog.Hash{}) {
			all[i] = tlog.RecordHash([]byte(line))
		}
		return nil
	})
	return all, err
}

// A proofTree has the hashes of a Merkle tree of which the first records are known by their compact range only. It is
// a tlog.HashReader for proofs of the others.
type proofTree struct {
	base   compactRange
	leaves []tlog.Hash // of the records after base
}

// ReadHashes implements tlog.HashReader.
func (t *proofTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		var err error
		if hashes[i], err = t.subtree(level, uint64(n)); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// subtree is the hash of the n-th whole subtree of height level: of the records from n<<level on, counted from 0.
func (t *proofTree) subtree(level int, n uint64) (tlog.Hash, error) {
	from, to := n<<level, (n+1)<<level
	switch {
	case to <= t.base.size:
		return t.known(from, to-from)
	case level == 0:
		if i := from - t.base.size; i < uint64(len(t.leaves)) {
			return t.leaves[i], nil
		}
		return tlog.Hash{}, fmt.Errorf("record %d is not in the tree", from+1)
	}
	left, err := t.subtree(level-1, 2*n)
	if err != nil {
		return left, err
	}
	right, err := t.subtree(level-1, 2*n+1)
	return tlog.NodeHash(left, right), err
}

// known is the hash of the subtree of the base's compact range that begins at from and has that many leaves.
func (t *proofTree) known(from, leaves uint64) (tlog.Hash, error) {
	at, i := uint64(0), 0
	for bit := 63; bit >= 0; bit-- {
		size := uint64(1) << bit
		if t.base.size&size == 0 {
			continue
		}
		if at == from && size == leaves {
			return t.base.hashes[i], nil
		}
		at += size
		i++
	}
	return tlog.Hash{}, fmt.Errorf("the records %d to %d are known only together with others", from+1, from+leaves)
}

// Encode returns p as text.
func (p *Proof) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHead, base64.StdEncoding.EncodeToString(p.Line), p.Seq-1)
	for _, h := range p.Path {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(p.Signed)
	return b.Bytes()
}

// ParseProof reads what Encode wrote, and nothing else: a proof has one text only. It does not verify.
func ParseProof(data []byte) (*Proof, error) {
	if len(data) > proofLimit {
		return nil, fmt.Errorf("proof: longer than %d bytes", proofLimit)
	}
	head, signed, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 3 || lines[0] != proofHead {
		return nil, errors.New("proof: does not begin as a proof of version 1 does")
	}
	p := &Proof{Signed: bytes.Clone(signed)}
	extra, hasExtra := strings.CutPrefix(lines[1], "extra ")
	index, hasIndex := strings.CutPrefix(lines[2], "index ")
	if !hasExtra || !hasIndex {
		return nil, errors.New("proof: without a record or its index")
	}
	var err error
	if p.Line, err = base64.StdEncoding.DecodeString(extra); err != nil {
		return nil, fmt.Errorf("proof: record: %w", err)
	}
	n, err := strconv.ParseUint(index, 10, 63)
	if err != nil {
		return nil, errors.New("proof: index is not a number")
	}
	p.Seq = n + 1
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("proof: path: %w", err)
		}
		p.Path = append(p.Path, h)
	}
	if !bytes.Equal(p.Encode(), data) {
		return nil, errors.New("proof: not in its normal form")
	}
	return p, nil
}

// A Proven is what a valid proof states.
type Proven struct {
	Record Record    `json:"record"`
	Number uint64    `json:"checkpoint"` // of the checkpoint
	Size   uint64    `json:"size"`       // records that it covers
	Signed time.Time `json:"signed"`
	Key    string    `json:"key"` // the key that signed it, such as "site-01+4f2a"
}

// Verify returns what p proves, by one of the public keys. It needs nothing of the log. The error is ErrNotProven if
// the proof does not hold.
func (p *Proof) Verify(keys []string) (*Proven, error) {
	verifiers, err := verifiers(keys)
	if err != nil {
		return nil, err
	}
	c, key, err := openCheckpoint(p.Signed, verifiers)
	if err != nil {
		return nil, fmt.Errorf("%w: checkpoint: %s", ErrNotProven, noteError(err))
	}
	if !isSignedOnce(p.Signed) {
		return nil, fmt.Errorf("%w: checkpoint: not one signature in its normal form", ErrNotProven)
	}
	if p.Seq == 0 || p.Seq > c.tree.size || c.tree.size > math.MaxInt64 {
		return nil, fmt.Errorf("%w: record %d is not among the %d that the checkpoint covers", ErrNotProven, p.Seq, c.tree.size)
	}
	if err := tlog.CheckRecord(p.Path, int64(c.tree.size), c.tree.root(), int64(p.Seq-1), tlog.RecordHash(p.Line)); err != nil {
		return nil, fmt.Errorf("%w: the record, its number or its path is not what was signed", ErrNotProven)
	}
	r, err := Decode(p.Line)
	if err != nil {
		return nil, fmt.Errorf("%w: record: %w", ErrNotProven, err)
	}
	if r.Seq != p.Seq {
		return nil, fmt.Errorf("%w: the record has the number %d, and is in the place of %d", ErrNotProven, r.Seq, p.Seq)
	}
	return &Proven{Record: r, Number: c.number, Size: c.tree.size, Signed: c.time, Key: key[:len(key)-4]}, nil
}

// isSignedOnce reports whether a note has one signature, in the one form of base64: the bits after the last byte are
// not signed, and note.Open ignores a signature that is there twice.
func isSignedOnce(msg []byte) bool {
	_, signature, _ := bytes.Cut(msg, []byte("\n\n"))
	fields := strings.Split(strings.TrimSuffix(string(signature), "\n"), " ")
	if len(fields) != 3 || strings.Contains(fields[2], "\n") {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(fields[2])
	return err == nil && base64.StdEncoding.EncodeToString(b) == fields[2]
}
