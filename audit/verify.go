package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// VerifyOptions say against what a log is verified.
type VerifyOptions struct {
	// Keys are the public keys of the log, as ReadPublicKey returns them; at least one. Where a log has
	// had several, the others' checkpoints count as much.
	Keys []string
	// Anchor is a file that the log's checkpoints were also sent to. Empty: none.
	Anchor string
	// Head is the file of the log's tree head, see HeadFile, which the proxy keeps beside its key. Empty, or not there:
	// none. It shows what was removed since, and what was appended to the log by others.
	Head string
	// Progress, if not nil, is updated during the reading.
	Progress *Progress
}

// A Verification is the result of Verify. Its zero value is that of an empty log, which proves nothing.
type Verification struct {
	Records     uint64    `json:"records"`
	FirstSeq    uint64    `json:"first_seq"` // 0 if there was no record
	LastSeq     uint64    `json:"last_seq"`
	Sealed      uint64    `json:"sealed"`      // the last record that a checkpoint covers
	Checkpoints uint64    `json:"checkpoints"` // that were compared
	SealedAt    time.Time `json:"sealed_at"`   // when the last of them was made
	Keys        []string  `json:"keys"`        // that signed them, such as "site-01+4f2a"

	// Anchored is the last record that the anchor's checkpoints cover, AnchoredAt the time of the last of them; 0 if
	// there is no anchor, or it has none of this log.
	Anchored   uint64    `json:"anchored"`
	AnchoredAt time.Time `json:"anchored_at,omitzero"`
	// AnchorBegins is the last record that the anchor's first checkpoint covers, if that is not the log's first
	// checkpoint; else 0.
	AnchorBegins uint64 `json:"anchor_begins,omitempty"`
	// Headed is the last record that the tree head covers, and the time of that; 0 if there was none.
	Headed   uint64    `json:"headed"`
	HeadedAt time.Time `json:"headed_at,omitzero"`
	// Anchoring is how far the anchor reaches, in words.
	Anchoring string `json:"anchoring"`
	// Basis is what the result relies on, and what it therefore cannot show: a sentence each.
	Basis []string `json:"basis"`
	// Ended is set if the last checkpoint says that the log was closed.
	Ended bool `json:"ended"`

	// Again is how many records of a copy were delivered more than once. ProvenFrom is the first that a checkpoint of
	// the copy proves, if that is not FirstSeq. Only VerifyCopy sets them.
	Again      uint64 `json:"again,omitempty"`
	ProvenFrom uint64 `json:"proven_from,omitempty"`

	Found    uint64    `json:"found"`    // problems
	Problems []Problem `json:"problems"` // the first 100
	Notes    []string  `json:"notes"`    // what a reader should know, but is not a problem: a sentence each
	Altered  uint64    `json:"altered"`  // records that were altered, and named
	Missing  uint64    `json:"missing"`  // missing records
	Vague    bool      `json:"vague"`    // some problem cannot be attributed to a record: not all others can be called intact

	unreadable int // Problems about unreadable files, which are first
}

// OK reports whether the log is what was signed, from its first record to the last checkpoint.
func (v *Verification) OK() bool { return v.Found == 0 }

const problemLimit = 100

func (v *Verification) fail(p Problem) {
	v.Found++
	switch {
	case p.Kind == Unreadable && v.unreadable < problemLimit:
		// First: it may be the cause of many others.
		v.Problems = slices.Insert(v.Problems, v.unreadable, p)
		v.Problems = v.Problems[:min(len(v.Problems), problemLimit)]
		v.unreadable++
	case len(v.Problems) < problemLimit:
		v.Problems = append(v.Problems, p)
	}
	v.Vague = v.Vague || p.Kind.vague()
}

// extend merges p into the last problem, if that is about missing records right before.
func (v *Verification) extend(p *Problem) bool {
	n := len(v.Problems)
	if n == 0 || uint64(n) != v.Found || v.Problems[n-1].Kind != p.Kind || v.Problems[n-1].Last+1 != p.First {
		return false
	}
	v.Problems[n-1].Last, v.Problems[n-1].Text = p.Last, p.Text
	return true
}

func (v *Verification) note(format string, args ...any) {
	if len(v.Notes) < problemLimit {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
	}
}

// Verify reads the log in dir, and checks it against its checkpoints: no record altered, missing or inserted, and
// none cut off; and whether summaries match the records. Its memory is bounded, whatever the log's size. It uses all
// processors. A Log may write to the directory at the same time; Verify changes nothing. An error means that it could
// not check; problems of the log are in the Verification.
//
// A directory without a log is an ErrNoLog, unless a checkpoint, an anchor or the tree head shows that there was one.
func Verify(ctx context.Context, dir string, o VerifyOptions) (*Verification, error) {
	v, err := verify(ctx, dir, &o)
	if err == nil && v.OK() && v.Records == 0 && v.Checkpoints == 0 {
		err = HasLog(dir)
	}
	if errors.Is(err, ErrNoLog) || errors.Is(err, fs.ErrNotExist) && errors.Is(HasLog(dir), ErrNoLog) {
		return nil, noLog(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("verify audit log: %w", err)
	}
	return v, nil
}

// verifyTries bounds how often a log is read again whose files were deleted while it was read.
const verifyTries = 5

func verify(ctx context.Context, dir string, o *VerifyOptions) (*Verification, error) {
	keys, err := verifiers(o.Keys)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		before, err := logFiles(dir)
		if err != nil {
			return nil, err
		}
		v, err := verifyOnce(ctx, dir, o, keys)
		if err != nil || v.OK() || try == verifyTries {
			return v, err
		}
		// Retention may have deleted files meanwhile. What it deleted is not a problem, and real problems are found
		// again.
		after, err := logFiles(dir)
		if err != nil {
			return nil, err
		}
		slices.Sort(after)
		gone := func(name string) bool {
			_, there := slices.BinarySearch(after, name)
			return !there
		}
		if !slices.ContainsFunc(before, gone) {
			return v, nil
		}
		o.Progress.rewind()
	}
}

// logFiles names the files of a log, a compressed one by its former name. The names are for comparison only.
func logFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, ok := parseSegment(e.Name()); ok || strings.HasPrefix(e.Name(), checkpointsPrefix) {
			names = append(names, strings.TrimSuffix(e.Name(), gzSuffix))
		}
	}
	return names, nil
}

func verifyOnce(ctx context.Context, dir string, o *VerifyOptions, keys note.Verifiers) (*Verification, error) {
	v := &Verification{}
	// Before the records: a checkpoint that is made meanwhile covers records that are not read.
	head := readHead(o.Head, keys)
	signed, err := newSignedPoints(dir, o.Anchor, keys, v)
	if err == nil {
		signed.head = head
	}
	if err != nil {
		return nil, err
	}
	rotated, live, err := snapshot(dir)
	if err != nil {
		return nil, err
	}
	if live != nil {
		defer live.Close()
	}
	files, err := verifyFiles(dir, rotated, live, v)
	if err != nil {
		return nil, err
	}
	if o.Progress != nil {
		for i := range files {
			o.Progress.total.Add(files[i].size)
		}
	}
	if head != nil {
		v.Headed, v.HeadedAt = head.tree.size, head.time
		head = readHead(o.Head, keys) // after the records: the log has grown meanwhile
	}
	stored, err := newStoredHashes(dir)
	if err != nil {
		return nil, err
	}
	defer stored.close()
	next, stop := signed.pull()
	defer stop()
	j := &verifier{v: v, points: next, stored: stored, head: head, closings: map[uint64]time.Time{}, ends: map[string]uint64{}}
	j.liveFile(files)
	err = inOrder(len(files), runtime.GOMAXPROCS(0), func(i int, emit func(leaves) bool) {
		files[i].read(o.Progress, emit)
	}, func(i int, some leaves) error {
		j.take(&some)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	j.end()
	j.names(files)
	j.sidecars(dir, files)
	v.standOn(o)
	return v, nil
}

func verifiers(keys []string) (note.Verifiers, error) {
	var all []note.Verifier
	for _, key := range keys {
		k, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("public key %q: %w", key, err)
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return nil, errors.New("no public key")
	}
	return note.VerifierList(all...), nil
}

// verifyFiles lists the files of a log in the order of their records, whatever their names say, and reports wrong
// names.
func verifyFiles(dir string, rotated []segment, live *os.File, v *Verification) ([]leafFile, error) {
	var files []leafFile
	for _, seg := range rotated {
		info, err := os.Stat(filepath.Join(dir, seg.file()))
		if errors.Is(err, fs.ErrNotExist) && !seg.gz { // compressed since it was listed
			seg.gz = true
			info, err = os.Stat(filepath.Join(dir, seg.file()))
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since; the log has a record of it
		}
		if err != nil {
			return nil, err
		}
		f := leafFile{dir: dir, seg: seg, size: info.Size(), first: seg.first}
		if first := f.peek(); first != 0 && first != seg.first {
			v.fail(Problem{Kind: Misplaced, First: first, File: seg.file(), Last: seg.first})
			f.first = first
		}
		files = append(files, f)
	}
	if live != nil {
		info, err := live.Stat()
		if err != nil {
			return nil, err
		}
		f := leafFile{dir: dir, live: live, size: info.Size(), seg: segment{name: filepath.Base(live.Name())}, modified: info.ModTime()}
		if f.first = f.peek(); f.first == 0 {
			f.first = math.MaxUint64 // last, as it should be
		}
		files = append(files, f)
	}
	slices.SortStableFunc(files, func(a, b leafFile) int { return cmp.Compare(a.first, b.first) })
	return files, nil
}
