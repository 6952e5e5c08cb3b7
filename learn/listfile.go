package learn

import (
	"bytes"
	"strings"
)

// AppendLines returns the content of a list file with lines at its end, and every byte that was there
// before kept. The line ends are those of the file.
func AppendLines(data []byte, lines []string) []byte {
	end := "\n"
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		end = "\r\n"
	}
	out := bytes.Clone(data)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, end...)
	}
	for _, l := range lines {
		out = append(out, l...)
		out = append(out, end...)
	}
	return out
}

// HasLine reports whether a list file has an entry for the same as line, whatever its reason.
func HasLine(data []byte, line string) bool {
	want := location(line)
	for have := range strings.Lines(string(data)) {
		if location(have) == want && want != "" {
			return true
		}
	}
	return false
}

// location is the part of a line that says where to: the first word that is no comment.
func location(line string) string {
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return ""
	}
	return fields[0]
}
