package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"webproxy/internal/notekey"

	"golang.org/x/mod/sumdb/note"
)

// A tree head is what the proxy itself knows of the log, in a file beside its key, where nobody who can only write
// the log can change it: the state of the tree, as in a checkpoint; how many denials are counted that are in no
// record yet; and the last record that it may write before the next head. It is signed and replaced every second in
// which something was written. After a crash it shows
//
//   - that there was one,
//   - which records the proxy has written for sure, and which it cannot have written,
//   - which records, and how many counted denials, are lost.
//
// The file has two slots, which are written in turn: a crash while one is written leaves the other.
const (
	headSuffix = ".head"
	headOrigin = "webproxy tree head "
	headSlot   = 8 << 10
	headSlots  = 2

	// leadEvery is how often a head is written while records are written.
	leadEvery = time.Second
	// leadLeast and leadMost bound how many records may follow a head before the next one: that many can be put after
	// the end of the log after a crash without being found out. In between it is twice as many as followed the last
	// one.
	leadLeast = 256
	leadMost  = 1 << 17
)

// HeadFile is the name of the tree head's file beside the private key's.
func HeadFile(key string) string { return strings.TrimSuffix(key, notekey.Suffix) + headSuffix }

// errAhead is the error of a record that the last tree head does not allow. It does not leave this package.
var errAhead = errors.New("more records than the tree head allows")

// A headWriter writes the tree heads of a Log.
type headWriter struct {
	path    string
	writing sync.Mutex // held while a head is written; taken before Log.mu
	file    *os.File
	slot    int64

	number atomic.Uint64 // of the last checkpoint

	// Guarded by Log.mu:
	on         bool   // heads are written
	until      uint64 // the last record that may be written
	size       uint64 // as the last head says
	aggregated uint64 // the same
	ended      bool   // the last head says that the log was closed
}

// limit is the head's limit as a checkpoint states it: 0 if there is none.
func (h *headWriter) limit() uint64 {
	if !h.on {
		return 0
	}
	return h.until
}

// allows reports whether the record seq may be written.
func (h *headWriter) allows(seq uint64) bool { return !h.on || seq <= h.until }

// openHead writes the first head of this run. If none can be written, in a directory that is read-only, the log works
// without: the error is for the operator.
func (l *Log) openHead() error {
	h := &l.seal.head
	f, err := openOwn(h.path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("audit tree head: %w; without it less is known after a crash", err)
	}
	h.file = f
	l.mu.Lock()
	h.on, h.until = true, 0
	l.mu.Unlock()
	if err := l.lead(); err != nil {
		l.mu.Lock()
		h.on = false
		l.mu.Unlock()
		f.Close()
		h.file = nil
		return err
	}
	return nil
}

// lead writes a head if something has changed.
func (l *Log) lead() error { return l.writeHead(false) }

func (l *Log) writeHead(end bool) error {
	h := &l.seal.head
	h.writing.Lock()
	defer h.writing.Unlock()
	l.mu.Lock()
	size, aggregated := l.next-1, l.aggregator.pending
	news := size != h.size || aggregated != h.aggregated || l.next > h.until || end
	if !h.on || !news || h.ended {
		l.mu.Unlock()
		return nil
	}
	c := checkpoint{number: h.number.Load(), tree: l.seal.tree.clone(), time: time.Now(), aggregated: aggregated, end: end}
	c.until = size
	if !end {
		c.until += min(max(2*(size-h.size), leadLeast), leadMost)
	}
	l.mu.Unlock()
	if c.tree.size != size {
		return nil // records that were found at the start are not sealed yet
	}
	msg, err := c.sign(l.seal.key, headOrigin)
	if err == nil {
		err = h.write(appendNote(nil, msg))
	}
	if err != nil {
		return fmt.Errorf("audit tree head: %w", err)
	}
	l.mu.Lock()
	h.until, h.size, h.aggregated, h.ended = c.until, size, aggregated, end
	l.mu.Unlock()
	return nil
}

// write writes data to the next slot, and syncs it: after a power failure the records must not be ahead of it.
func (h *headWriter) write(data []byte) error {
	if len(data) > headSlot {
		return errors.New("longer than its room")
	}
	slot := make([]byte, headSlot)
	copy(slot, data)
	if _, err := h.file.WriteAt(slot, h.slot*headSlot); err != nil {
		return err
	}
	h.slot = (h.slot + 1) % headSlots
	return h.file.Sync()
}

func (h *headWriter) close() error {
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}

// readHead reads the youngest head of a file that one of the keys has signed; nil if there is none.
func readHead(path string, keys note.Verifiers) *checkpoint {
	f, err := openShared(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, headSlots*headSlot))
	if err != nil {
		return nil
	}
	var youngest *checkpoint
	for ; len(data) > 0; data = data[min(headSlot, len(data)):] {
		slot := bytes.TrimRight(data[:min(headSlot, len(data))], "\x00")
		for msg, err := range newNoteReader(bytes.NewReader(slot)).all() {
			if err != nil {
				break
			}
			n, err := note.Open(msg, keys)
			if err != nil {
				break
			}
			var c checkpoint
			if c.parse(n.Text, headOrigin, n.Sigs[0].Name) != nil {
				break
			}
			if youngest == nil || c.youngerThan(youngest) {
				youngest = &c
			}
		}
	}
	return youngest
}

func (c *checkpoint) youngerThan(o *checkpoint) bool {
	if c.tree.size != o.tree.size {
		return c.tree.size > o.tree.size
	}
	if c.number != o.number {
		return c.number > o.number
	}
	return !c.time.Before(o.time)
}

// follows reports whether the head c was made after the checkpoint last, or at the same time.
func (c *checkpoint) follows(last *checkpoint) bool {
	return c != nil && c.tree.size >= last.tree.size && c.number >= last.number
}

// lastAllowed is the last record that the proxy can have written, by the last checkpoint, which may be the zero one,
// and the head, which may be nil. It is the largest number if neither says.
func lastAllowed(last, head *checkpoint) uint64 {
	switch {
	case head.follows(last):
		return head.until // equal to its size, if it ends the log
	case last.end:
		return last.tree.size
	case last.until > 0 && head != nil:
		return max(last.until, head.until)
	}
	return 1<<64 - 1
}
