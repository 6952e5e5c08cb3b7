package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"webproxy/internal/atomicfile"
)

// A summary is the Tally of a compressed file of the log, kept beside it so that a report need not read the file
// again:
//
//	audit-000000000001-20261124T070149Z.summary.json.gz
//
// It is only a cache. One that is missing, damaged, of another format or of another content than the file's is made
// anew; Verify reports one that was edited.
const summarySuffix = ".summary.json.gz"

const (
	// summaryFormat is raised whenever the meaning of a summary changes; all are then made anew.
	summaryFormat = 1
	// summaryLimit bounds what is read of a summary, in plain bytes.
	summaryLimit = 256 << 20
	// summaryHeadLimit bounds what is read of it before the counts, in plain bytes.
	summaryHeadLimit = 1 << 20
)

// A summary is the content of the file.
type summary struct {
	Format int    `json:"format"`
	Of     string `json:"of"`   // the segment's file
	Size   int64  `json:"size"` // its size
	Check  string `json:"check"`

	Earliest   time.Time  `json:"earliest,omitzero"`
	Latest     time.Time  `json:"latest,omitzero"`
	Runs       []seqRun   `json:"seq"`
	Unreadable uint64     `json:"unreadable"`
	Bad        []badEntry `json:"bad,omitempty"`

	Overflow uint64   `json:"folded,omitempty"`
	Spread   uint64   `json:"spread,omitempty"`
	Hours    []Hour   `json:"hours"`
	Rows     []*Row   `json:"rows"`
	Events   []string `json:"events"` // whole lines of the log
}

// A badEntry is a BadLine in a summary.
type badEntry struct {
	Line int    `json:"line"`
	Err  string `json:"error"`
}

// summarised reports whether s gets a summary: it is compressed, so it does not change any more, and this package
// rotated it.
func (s segment) summarised() bool { return s.gz && !s.twice && s.ours() }

func summaryPath(dir string, s segment) string {
	return filepath.Join(dir, strings.TrimSuffix(s.name, suffix)+summarySuffix)
}

// identity is what a summary must agree with: the size of the compressed file and its last eight bytes, which are the
// CRC-32 of the plain text and its length (RFC 1952, 2.2).
func identity(dir string, s segment) (size int64, check string, err error) {
	f, err := os.Open(filepath.Join(dir, s.file()))
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	var trailer [8]byte
	if _, err := f.ReadAt(trailer[:], max(info.Size()-8, 0)); err != nil {
		return 0, "", err
	}
	return info.Size(), hex.EncodeToString(trailer[:]), nil
}

// summaryOf is t and stats, of the whole segment s, as a summary; nil if they are too large for one.
func summaryOf(s segment, size int64, check string, t *Tally, stats *fileStats) *summary {
	if t.cut > 0 || len(stats.runs) > 10_000 {
		return nil
	}
	sum := &summary{
		Format: summaryFormat, Of: s.file(), Size: size, Check: check,
		Earliest: t.earliest, Latest: t.latest, Runs: stats.runs, Unreadable: stats.unreadable,
		Overflow: t.overflow, Spread: t.spread, Hours: t.Hours(), Rows: t.Rows(), Events: t.events,
	}
	for _, b := range stats.bad {
		sum.Bad = append(sum.Bad, badEntry{b.Line, b.Err.Error()})
	}
	return sum
}

// encode is the summary as it stands in the file. Equal summaries are equal bytes.
func (sum *summary) encode() ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(sum); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// write puts the summary beside its segment.
func (sum *summary) write(dir string, s segment) error {
	data, err := sum.encode()
	if err != nil {
		return err
	}
	return atomicfile.WriteFrom(summaryPath(dir, s), 0o640, func(w io.Writer) error {
		if f, ok := w.(*os.File); ok {
			if err := giveToOwner(f, dir); err != nil {
				return err
			}
		}
		_, err := w.Write(data)
		return err
	})
}

// errNoSummary is the error of a summary that does not exist or does not match its segment.
var errNoSummary = errors.New("no summary")

// readSummary reads the summary of s. The error is errNoSummary unless it exists, is complete, and matches the
// segment as it is.
func readSummary(dir string, s segment) (*summary, error) {
	data, err := os.ReadFile(summaryPath(dir, s))
	if err != nil {
		return nil, errNoSummary
	}
	size, check, err := identity(dir, s)
	if err != nil {
		return nil, errNoSummary
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errNoSummary
	}
	plain, err := io.ReadAll(io.LimitReader(z, summaryLimit))
	if err != nil {
		return nil, errNoSummary
	}
	var sum summary
	if err := json.Unmarshal(plain, &sum); err != nil {
		return nil, errNoSummary
	}
	if sum.Format != summaryFormat || sum.Of != s.file() || sum.Size != size || sum.Check != check || len(sum.Rows) > fileRows+8 {
		return nil, errNoSummary
	}
	for i := 1; i < len(sum.Rows); i++ {
		if sum.Rows[i] == nil || sum.Rows[i-1] == nil || compareRows(sum.Rows[i-1], sum.Rows[i]) >= 0 {
			return nil, errNoSummary // not in the format that is written
		}
	}
	return &sum, nil
}

// readSummaryHead reads the part of the summary of s before its counts: the times of the records, and their numbers.
// A log has hundreds of summaries, and a query for the last hour asks all of them. The error is errNoSummary as in
// readSummary.
func readSummaryHead(dir string, s segment) (*summary, error) {
	size, check, err := identity(dir, s)
	if err != nil {
		return nil, errNoSummary
	}
	f, err := os.Open(summaryPath(dir, s))
	if err != nil {
		return nil, errNoSummary
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errNoSummary
	}
	var sum summary
	if err := sum.decodeHead(json.NewDecoder(io.LimitReader(z, summaryHeadLimit))); err != nil {
		return nil, errNoSummary
	}
	if sum.Format != summaryFormat || sum.Of != s.file() || sum.Size != size || sum.Check != check {
		return nil, errNoSummary
	}
	return &sum, nil
}

// decodeHead decodes the fields up to those that may be large.
func (sum *summary) decodeHead(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return err
	}
	fields := map[string]any{"format": &sum.Format, "of": &sum.Of, "size": &sum.Size, "check": &sum.Check,
		"earliest": &sum.Earliest, "latest": &sum.Latest, "seq": &sum.Runs, "unreadable": &sum.Unreadable, "bad": &sum.Bad}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		field, ok := fields[fmt.Sprint(name)]
		if !ok {
			return nil
		}
		if err := d.Decode(field); err != nil {
			return err
		}
	}
	return nil
}

// records is how many the segment has.
func (sum *summary) records() int64 {
	n := int64(0)
	for _, r := range sum.Runs {
		n += int64(r.Last-r.First) + 1
	}
	return n
}

// stats are those of the segment.
func (sum *summary) stats() *fileStats {
	f := &fileStats{runs: sum.Runs, unreadable: sum.Unreadable}
	for _, b := range sum.Bad {
		f.bad = append(f.bad, BadLine{sum.Of, b.Line, errors.New(b.Err)})
	}
	return f
}

// tally is the summary as a Tally, which shares parts of it.
func (sum *summary) tally() *Tally {
	t := newTally(fileRows)
	for _, row := range sum.Rows {
		t.rows[row.key()] = row
	}
	for _, h := range sum.Hours {
		t.hours[h.Start.Unix()/3600] = &h
	}
	t.earliest, t.latest, t.events = sum.Earliest, sum.Latest, sum.Events
	t.overflow, t.spread = sum.Overflow, sum.Spread
	return t
}

// mayMatch reports whether a record of the segment may match q.
func (sum *summary) mayMatch(q *Query) bool {
	if sum.Overflow > 0 || sum.Unreadable > 0 {
		return true
	}
	known := rowColumns()
	for _, row := range sum.Rows {
		r := row.record()
		if q.match(&r, known) != no {
			return true
		}
	}
	for _, line := range sum.Events {
		var r Record
		if r.decodeText(line, false) != nil || q.Match(&r) {
			return true
		}
	}
	return false
}
