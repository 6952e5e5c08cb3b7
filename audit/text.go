package audit

// FieldNames returns the names of the record's fields, in the order of the line and of AppendCells.
func FieldNames() []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].name
	}
	return names
}

// AppendCells appends the text of r's fields to dst, as they stand in the log and fit for a terminal; a list's elements
// have spaces between them.
func AppendCells(dst []string, r *Record) []string {
	for i := range columns {
		dst = append(dst, Printable(fieldText(columns[i].at(r))))
	}
	return dst
}

// A LineEncoder encodes records as lines of the log. It serves one goroutine at a time.
type LineEncoder struct{ enc *encoder }

// NewLineEncoder returns an encoder.
func NewLineEncoder() *LineEncoder { return &LineEncoder{newEncoder()} }

// Append appends r's line, with its newline, to dst.
func (e *LineEncoder) Append(dst []byte, r *Record) ([]byte, error) {
	line, err := e.enc.encode(r)
	if err != nil {
		return dst, err
	}
	defer line.Free()
	return append(dst, line.Bytes()...), nil
}
