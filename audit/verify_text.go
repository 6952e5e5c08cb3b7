package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/internal/wording"
)

// A ProblemKind is a kind of problem that Verify finds.
type ProblemKind uint8

const (
	Altered        ProblemKind = iota // a record is not what was written; a checkpoint proves which
	Missing                           // records are not there
	Truncated                         // records are gone from the end
	Differs                           // some record between two checkpoints is altered or missing, unknown which
	Suspected                         // one of these, by its hash, which no checkpoint proves
	Late                              // records were signed long after they were written
	Uncovered                         // no checkpoint covers records, where one should
	Repeated                          // records whose numbers occurred before: an old file put back, or lines inserted
	Inserted                          // a line that is not a record
	Misplaced                         // a file begins with another record than its name says
	Rewritten                         // the log's checkpoint is not the one that was sent to the anchor
	BadCheckpoint                     // a note is not a checkpoint of the log, or some are missing
	HashAltered                       // a stored hash is wrong, and the record is right
	Unreadable                        // a file, or the rest of one, cannot be read
	SummaryDiffers                    // the summary beside a file does not match its records
	Foreign                           // records that the proxy did not write
	Misnamed                          // a file's name says that it was closed at another time than it was
	HashesDiffer                      // a file of hashes has more hashes than its file of records has records
	Unproven                          // records of a copy that no checkpoint can prove, as others are missing
)

// kindWords are how kinds are written; they are a format: add to them, never change one.
var kindWords = [...]string{"altered", "missing", "truncated", "differs", "suspected", "late", "uncovered",
	"repeated", "inserted", "misplaced", "rewritten", "bad_checkpoint", "hash_altered", "unreadable", "summary_differs",
	"foreign", "misnamed", "hashes_differ", "unproven"}

// MarshalText implements encoding.TextMarshaler.
func (k ProblemKind) MarshalText() ([]byte, error) { return []byte(kindWords[k]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *ProblemKind) UnmarshalText(text []byte) error {
	i := slices.Index(kindWords[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no kind of problem", text)
	}
	*k = ProblemKind(i)
	return nil
}

// vague reports whether problems of this kind may be about records that are not named.
func (k ProblemKind) vague() bool {
	switch k {
	case Altered, Missing, Truncated, Suspected, Repeated, Inserted, Misplaced, HashAltered, SummaryDiffers,
		Foreign, Misnamed, HashesDiffer:
		return false
	}
	return true
}

// A Problem is a place where a log is not what was written.
type Problem struct {
	Kind       ProblemKind `json:"kind"`
	First      uint64      `json:"first_seq"` // the records; 0 where it is not about records
	Last       uint64      `json:"last_seq"`
	File       string      `json:"file"`       // in the log's directory; may be empty
	Line       int         `json:"line"`       // in the file, from 1; 0 if it is not one
	Checkpoint uint64      `json:"checkpoint"` // by which it was found; 0 if none
	Time       time.Time   `json:"time"`       // of that checkpoint
	Text       string      `json:"text"`       // more about it; may be empty
}

// minuteLayout is how the time of a checkpoint is written.
const minuteLayout = "2006-01-02T15:04Z"

// String says what is wrong, and where, on one line.
func (p Problem) String() string {
	place := ""
	if p.File != "" {
		place = " (" + p.File
		if p.Line > 0 {
			place += ":" + strconv.Itoa(p.Line)
		}
		place += ")"
	}
	by := fmt.Sprintf("checkpoint %d (%s)", p.Checkpoint, p.Time.UTC().Format(minuteLayout))
	more := ""
	if p.Text != "" {
		more = ": " + p.Text
	}
	seq := "seq " + span(p.First, p.Last)
	switch p.Kind {
	case Altered:
		return seq + ": record differs from " + by + place
	case Missing:
		return fmt.Sprintf("seq %s: %s missing%s%s", span(p.First, p.Last), wording.Amount(p.Last-p.First+1, "record"), place, more)
	case Truncated:
		return fmt.Sprintf("seq %s: log ends before %s; %s cut off%s", span(p.First, p.Last), by, wording.Amount(p.Last-p.First+1, "record"), more)
	case Differs:
		return seq + ": records differ from " + by + "; which of them cannot be told"
	case Unproven:
		return seq + ": cannot be compared with " + by + " without those that are missing"
	case Suspected:
		return seq + ": record differs from its stored hash" + place
	case Late:
		return seq + ": sealed only by " + by + ", after a start" + more
	case Uncovered:
		return seq + ": covered by no checkpoint" + more
	case Foreign:
		return seq + ": not written by the proxy" + more + place
	case Misnamed:
		return p.File + ": renamed" + more
	case HashesDiffer:
		return p.File + more
	case Repeated:
		return seq + ": there again" + place
	case Inserted:
		if p.Line == 0 {
			return "something that is not a record" + place + more
		}
		return "a line that is not a record" + place
	case Misplaced:
		return fmt.Sprintf("%s begins with seq %s, not %s as its name says: swapped or renamed", p.File, wording.Comma(p.First), wording.Comma(p.Last))
	case Rewritten:
		if p.Text != "" {
			return fmt.Sprintf("seq ..%s: the log was rewritten: its checkpoint is not what the proxy's %s says (%s)", wording.Comma(p.Last), p.Text, p.Time.UTC().Format(minuteLayout))
		}
		return fmt.Sprintf("seq ..%s: the log was rewritten: its checkpoint is not the anchor's %s", wording.Comma(p.Last), by)
	case SummaryDiffers:
		return p.File + ": does not match the records of its file; delete it, and it is made anew"
	case HashAltered:
		return seq + ": the stored hash was altered; the record is intact"
	}
	return strings.TrimPrefix(more, ": ") + place
}

// String is the result on one line, as `webproxy audit verify` prints it first.
func (v *Verification) String() string {
	keys := strings.Join(v.Keys, " ")
	if v.OK() {
		if v.Records == 0 {
			return "INTEGRITY OK  no records"
		}
		line := fmt.Sprintf("INTEGRITY OK  seq %s..%s, no gaps, %s, key %s", wording.Comma(v.FirstSeq), wording.Comma(v.LastSeq),
			wording.Amount(v.Checkpoints, "checkpoint"), keys)
		if v.Anchoring != "" {
			line += ", " + v.Anchoring
		}
		return line
	}
	line := "FAIL " + v.Problems[0].String()
	var parts []string
	if v.Altered > 0 {
		parts = append(parts, wording.Comma(v.Altered)+" altered")
	}
	if v.Missing > 0 {
		parts = append(parts, wording.Comma(v.Missing)+" missing")
	}
	if v.Found > 1 {
		parts = append(parts, wording.Comma(v.Found)+" problems in all")
	}
	if !v.Vague {
		parts = append(parts, "others intact")
	}
	if len(parts) == 0 {
		return line
	}
	return line + "; " + strings.Join(parts, ", ")
}

// span is "7" or "7..12".
func span(first, last uint64) string {
	if first == last {
		return wording.Comma(first)
	}
	return wording.Comma(first) + ".." + wording.Comma(last)
}
