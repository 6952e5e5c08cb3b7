package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A Checkpoint is a signed statement about the first records of the log; see docs/audit.md.
type Checkpoint struct {
	Number uint64    // from 1, by each key
	Size   uint64    // the number of the last record that it covers
	Time   time.Time // of signing
	Note   string    // all of it; followed by an empty line, it can stand in an anchor
}

// after reports whether c states more than a checkpoint of that size and number, or states it anew.
func (c *Checkpoint) after(size, number uint64) bool {
	return c.Size > size || c.Size == size && c.Number > number
}

// Checkpoints returns the oldest checkpoints of the log in dir that come after the one of that size and number, at
// most limit of them, in their order. It does not verify signatures, and skips what is not a checkpoint: that is for
// Verify.
func Checkpoints(dir string, size, number uint64, limit int) ([]Checkpoint, error) {
	firsts, err := sidecars(dir, checkpointsPrefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	// Every file begins with the last checkpoint of the one before it.
	from := 0
	for i := len(firsts) - 1; i > 0; i-- {
		begin, err := checkpointsOf(dir, firsts[i], 0, 0, 1)
		if err != nil {
			return nil, err
		}
		if len(begin) > 0 && !begin[0].after(size, number) {
			from = i
			break
		}
	}
	var found []Checkpoint
	for _, first := range firsts[from:] {
		more, err := checkpointsOf(dir, first, size, number, limit-len(found))
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if len(found) >= limit {
			break
		}
		if n := len(found); n > 0 {
			size, number = found[n-1].Size, found[n-1].Number
		}
	}
	return found, nil
}

// checkpointsOf is Checkpoints for the checkpoints of one segment.
func checkpointsOf(dir string, first, size, number uint64, limit int) (found []Checkpoint, err error) {
	f, err := openShared(filepath.Join(dir, checkpointsFile(first)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // deleted after its retention
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	defer f.Close()
	for msg, err := range newNoteReader(f).all() {
		if errors.Is(err, errNotNote) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		c, ok := readCheckpoint(msg)
		if !ok || !c.after(size, number) {
			continue
		}
		found = append(found, c)
		if len(found) >= limit {
			break
		}
		size, number = c.Size, c.Number
	}
	return found, nil
}

// readCheckpoint reads a note, whoever signed it.
func readCheckpoint(msg []byte) (Checkpoint, bool) {
	_, err := note.Open(msg, note.VerifierList())
	var n *note.UnverifiedNoteError
	if !errors.As(err, &n) {
		return Checkpoint{}, false
	}
	var c checkpoint
	if err := c.parse(n.Note.Text, originPrefix, n.Note.UnverifiedSigs[0].Name); err != nil {
		return Checkpoint{}, false
	}
	return Checkpoint{Number: c.number, Size: c.tree.size, Time: c.time, Note: string(msg)}, true
}
