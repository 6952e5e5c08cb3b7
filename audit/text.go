package audit

// FieldNames returns the names of the record's fields, in the order of the line and of AppendCells.
func FieldNames() []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].name
	}
	return names
}

// AppendCells appends the text of r's fields to dst, as in the log and safe for a terminal; a list's elements are
// separated by spaces.
func AppendCells(dst []string, r *Record) []string {
	for i := range columns {
		c := &columns[i]
		if v, ok := c.at(r).(*bool); ok && c.name == "path_enforced" && !r.shows(c, *v) { // as in a line of the log
			dst = append(dst, "")
			continue
		}
		dst = append(dst, Printable(fieldText(columns[i].at(r))))
	}
	return dst
}

// AppendLine appends r's line of the log, with its newline, to dst.
func AppendLine(dst []byte, r *Record) []byte { return appendLine(dst, r) }
