package audit

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// errVersion marks a line that a later version of this format wrote.
var errVersion = errors.New("written by a later version of webproxy")

// Decode reads one line of the log, with or without its newline. It accepts unknown fields, and otherwise only what
// Log could have written: valid UTF-8, no field twice, no value of another type, no other version, and at least v,
// type, ts and seq. All strings of the Record share one copy of the line: strings.Clone what is kept for long.
func Decode(line []byte) (Record, error) {
	var r Record
	if err := r.decode(line); err != nil {
		return Record{}, err
	}
	return r, nil
}

// UnmarshalJSON is Decode, for encoding/json.
func (r *Record) UnmarshalJSON(line []byte) error {
	*r = Record{}
	return r.decode(line)
}

// decode sets the fields of r, which must be zero, from line.
func (r *Record) decode(line []byte) error {
	if len(line) > lineLimit {
		return fmt.Errorf("record of %d bytes: longer than %d", len(line), lineLimit)
	}
	return r.decodeText(string(line), false)
}

// decodeText is decode for a line of permitted length. valid says whether it is UTF-8. The strings of r share line's
// memory.
func (r *Record) decodeText(line string, valid bool) error {
	if !valid && !utf8.ValidString(line) {
		return errors.New("record is not valid UTF-8")
	}
	p := parser{text: line, plain: isPlain(line)}
	seen, err := p.object(r)
	if err != nil {
		return err
	}
	switch {
	case r.V > Version:
		return fmt.Errorf("version %d: %w", r.V, errVersion)
	case r.V != Version:
		return errors.New("record without a version")
	case r.Type == "":
		return errors.New("record without a type")
	case r.Time.IsZero():
		return errors.New("record without a time")
	case r.Seq == 0:
		return errors.New("record without a sequence number")
	}
	if r.Type == TypeDecision && seen&pathEnforced == 0 {
		r.PathEnforced = true
	}
	return nil
}

// columnSet has a bit for each of columns.
type columnSet uint64

var pathEnforced = columnsOf("path_enforced")

// columnKeys are the names of columns as Log writes them, with quotes and colon.
var columnKeys = func() (keys [len(columns)]string) {
	for i, c := range columns {
		keys[i] = `"` + c.name + `":`
	}
	return keys
}()

// columnIndex finds a column by name, looking first at hint and after it: fields mostly come in order. It is -1 for
// an unknown name.
func columnIndex(name string, hint int) int {
	for i := hint; i < len(columns); i++ {
		if columns[i].name == name {
			return i
		}
	}
	for i := range min(hint, len(columns)) {
		if columns[i].name == name {
			return i
		}
	}
	return -1
}
