package policy

// FormatLine returns a line of a list in its normal form, which means the same: the entry as String writes it, then two
// spaces and its comment. A line with a comment alone keeps it; an empty line is empty. A host with letters beyond ASCII
// stays as it is written. The error is that of ParseEntry.
func FormatLine(line string) (string, error) {
	e, err := ParseEntry(line)
	if err != nil {
		return "", err
	}
	fields, comment, err := splitComment(line)
	if err != nil || len(fields) == 0 {
		return comment, err
	}
	location := e.location()
	if written := fields[0].text; !isASCII(written) {
		location = written
	}
	text := location + e.pairs()
	if comment != "" {
		text += "  " + comment
	}
	return text, nil
}
