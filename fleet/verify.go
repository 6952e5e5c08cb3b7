package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"webproxy/audit"
)

// VerifyOptions say which part of a site's copy is verified, and with which keys.
type VerifyOptions struct {
	Site string
	// Since excludes the records that the last checkpoint before it covers. If zero, the whole copy is verified.
	Since time.Time
	// Keys are the public keys of the site's log, as audit.ReadPublicKey returns them; at least one.
	Keys []string
	// Anchor is a file to which the site's checkpoints were also written. Empty if there is none.
	Anchor string
}

const (
	// verifyWindow is how many numbers are requested at a time; a window with more than verifyBytes is halved.
	verifyWindow = 8192
	verifyBytes  = 64 << 20
	// notesPage is how many checkpoints are requested at a time.
	notesPage = 1000
)

// Verify checks the records that VictoriaLogs has of a site against the checkpoints that the site signed: whether they are
// complete and unaltered, or which numbers are not. Duplicates, byte for byte, were delivered again. Records that arrive
// during the check are left out. An error means that the check could not be made.
func (c *Client) Verify(ctx context.Context, o VerifyOptions) (*audit.Verification, error) {
	v := verification{c: c, stream: `{"webproxy.site"=` + quoted(o.Site) + `}`}
	var err error
	if v.first, v.last, err = v.bounds(ctx); err != nil {
		return nil, err
	}
	if v.last == 0 {
		return nil, fmt.Errorf("%s has no records of a site %q", c.base.Host, o.Site)
	}
	var from uint64
	if !o.Since.IsZero() {
		if from, err = v.before(ctx, o.Since); err != nil {
			return nil, err
		}
	}
	v.size = from
	if from > 0 {
		v.first, from = from+1, from+1
	}
	return audit.VerifyCopy(ctx, v.records(ctx), v.notes(ctx), audit.CopyOptions{Keys: o.Keys, Anchor: o.Anchor, From: from})
}

// A verification is the state of Verify.
type verification struct {
	c           *Client
	stream      string // filter for all of the site
	first, last uint64 // the numbers that are checked
	size        uint64 // of the first checkpoint
}

const (
	noteFilter   = `"webproxy.type":="checkpoint"`
	recordFilter = `!` + noteFilter
)

// bounds are the first and the last number. A checkpoint is sent after the records that it covers, so these should exist.
func (v *verification) bounds(ctx context.Context) (first, last uint64, err error) {
	err = v.c.rows(ctx, v.stream+` "webproxy.seq":>0 | stats min("webproxy.seq") first, max("webproxy.seq") last`, func(row map[string]string) error {
		if row["last"] == "" {
			return nil
		}
		if first, err = strconv.ParseUint(row["first"], 10, 63); err != nil {
			return fmt.Errorf("%s answers with a number that is none: %w", v.c.base.Host, err)
		}
		last, err = strconv.ParseUint(row["last"], 10, 63)
		return err
	})
	return first, last, err
}

// before is the size of the last checkpoint before a time; 0 if there is none.
func (v *verification) before(ctx context.Context, t time.Time) (size uint64, err error) {
	logsql := "_time:<" + t.UTC().Format(logsqlTime) + " " + v.stream + " " + noteFilter + ` | sort by (_time desc) limit 1 | fields _msg`
	err = v.c.rows(ctx, logsql, func(row map[string]string) error {
		if n, err := readNote(row["_msg"]); err == nil && n.Time.Before(t) {
			size = n.Size
		}
		return nil
	})
	return size, err
}

// A sentNote is a checkpoint as ship sends it.
type sentNote struct {
	Type   string    `json:"type"`
	Time   time.Time `json:"ts"`
	Number uint64    `json:"number"`
	Size   uint64    `json:"size"`
	Note   string    `json:"note"`
}

func readNote(line string) (n sentNote, err error) {
	err = json.Unmarshal([]byte(line), &n)
	if err == nil && n.Type != "checkpoint" {
		err = errors.New("no checkpoint")
	}
	return n, err
}

// errTooMuch means that a window has more than may be held in memory.
var errTooMuch = errors.New("too much at once")

// records yields the records by number.
func (v *verification) records(ctx context.Context) iter.Seq2[audit.CopyLine, error] {
	return func(yield func(audit.CopyLine, error) bool) {
		window := uint64(verifyWindow)
		for at := v.first; at <= v.last; {
			end := min(at+window-1, v.last)
			lines, err := v.window(ctx, at, end)
			switch {
			case errors.Is(err, errTooMuch) && window > 1:
				window = max(window/8, 1)
				continue
			case errors.Is(err, errTooMuch):
				err = fmt.Errorf("%s answers with more than %d MiB for record %d", v.c.base.Host, verifyBytes>>20, at)
			}
			if err != nil {
				yield(audit.CopyLine{}, err)
				return
			}
			for _, l := range lines {
				if !yield(l, nil) {
					return
				}
			}
			at = end + 1
		}
	}
}

// window returns the records with numbers from first to last, by number.
func (v *verification) window(ctx context.Context, first, last uint64) (lines []audit.CopyLine, err error) {
	size := 0
	logsql := fmt.Sprintf(`%s "webproxy.seq":>=%d "webproxy.seq":<=%d %s | fields "webproxy.seq",_msg`, v.stream, first, last, recordFilter)
	err = v.c.rows(ctx, logsql, func(row map[string]string) error {
		seq, err := strconv.ParseUint(row["webproxy.seq"], 10, 63)
		if err != nil || seq < first || seq > last {
			return fmt.Errorf("%s answers with record %q, and was asked for %d to %d", v.c.base.Host, row["webproxy.seq"], first, last)
		}
		if size += len(row["_msg"]) + 64; size > verifyBytes {
			return errTooMuch
		}
		lines = append(lines, audit.CopyLine{Seq: seq, Line: row["_msg"]})
		return nil
	})
	slices.SortFunc(lines, func(a, b audit.CopyLine) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Line, b.Line)) })
	return lines, err
}

// notes yields the signed notes by the size that they cover and their number, each once. The verifier rejects those that are not checkpoints.
func (v *verification) notes(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var last sentNote
		for from := v.size; ; {
			var page []sentNote
			size, rows := 0, 0
			logsql := fmt.Sprintf(`%s %s "webproxy.seq":>=%d "webproxy.seq":<=%d | sort by ("webproxy.seq") limit %d | fields "webproxy.seq",_msg`, v.stream, noteFilter, from, v.last, notesPage)
			err := v.c.rows(ctx, logsql, func(row map[string]string) error {
				rows++
				if size += len(row["_msg"]); size > verifyBytes {
					return fmt.Errorf("%s answers with more than %d MiB of checkpoints", v.c.base.Host, verifyBytes>>20)
				}
				n, err := readNote(row["_msg"])
				seq, err2 := strconv.ParseUint(row["webproxy.seq"], 10, 63)
				if err != nil || err2 != nil || seq != n.Size {
					n = sentNote{Size: seq, Note: "under seq " + row["webproxy.seq"] + " stands no checkpoint of it\n"}
				}
				page = append(page, n)
				return nil
			})
			if err != nil {
				yield("", err)
				return
			}
			slices.SortFunc(page, func(a, b sentNote) int {
				return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Note, b.Note))
			})
			more := rows == notesPage
			for _, n := range page {
				if n.Size < last.Size || n == last || more && n.Size == page[len(page)-1].Size && n.Size > from {
					continue // already seen, or the next page has all of that size
				}
				if !yield(n.Note, nil) {
					return
				}
				last = n
			}
			if !more {
				return
			}
			next := page[len(page)-1].Size
			if next == from {
				yield("", fmt.Errorf("%s has more than %d checkpoints of %d records", v.c.base.Host, notesPage, from))
				return
			}
			from = next
		}
	}
}
