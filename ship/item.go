package ship

import (
	"encoding/json"
	"time"

	"webproxy/audit"
)

// An item is what a receiver gets: a record, or a checkpoint.
type item struct {
	record     audit.Record // with Type, Time and Seq for a checkpoint too
	line       string       // its line of the log; sent as it is, unless it is too long
	checkpoint *audit.Checkpoint

	// A receiver that has the item is done with all records up to through: the records between are not for it.
	through uint64
	hash    string // of the line of record through
}

// typeCheckpoint is the type of what is sent of a checkpoint. No record of the log has it.
const typeCheckpoint audit.Type = "checkpoint"

// itemCost is the memory that an item takes besides its line, in bytes.
const itemCost = 1 << 10

func (i *item) cost() int { return itemCost + len(i.line) }

// newCheckpointItem makes an item of a checkpoint, to be sent after the record of that number and hash.
func newCheckpointItem(c audit.Checkpoint, through uint64, hash string) (item, error) {
	line, err := json.Marshal(struct {
		V      int        `json:"v"`
		Type   audit.Type `json:"type"`
		Time   string     `json:"ts"`
		Number uint64     `json:"number"`
		Size   uint64     `json:"size"`
		Note   string     `json:"note"`
	}{audit.Version, typeCheckpoint, c.Time.UTC().Format(time.RFC3339Nano), c.Number, c.Size, c.Note})
	return item{
		record: audit.Record{Type: typeCheckpoint, Time: c.Time, Seq: c.Size}, line: string(line), checkpoint: &c,
		through: through, hash: hash,
	}, err
}

// A severity is one of syslog's (RFC 5424, 6.2.1).
type severity int

const (
	sevError   severity = 3
	sevWarning severity = 4
	sevNotice  severity = 5
	sevInfo    severity = 6
)

// severityOf is the severity of a record: highest for lost records, then for denials, then for actions of people.
func severityOf(r *audit.Record) severity {
	switch {
	case r.Type == audit.TypeGap, r.Type == audit.TypeShip:
		return sevError
	case r.Decision == "deny":
		return sevWarning
	case r.Decision == "would_deny", r.Type != audit.TypeDecision && r.Type != audit.TypeClose && r.Type != typeCheckpoint:
		return sevNotice
	}
	return sevInfo
}
