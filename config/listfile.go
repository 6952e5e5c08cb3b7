package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"webproxy/policy"
)

// maxListLine bounds a line of a list, in bytes. A host and all its keys need less than a kilobyte.
const maxListLine = 4096

// A listFile is a plain text list, one policy.Entry to a line.
type listFile struct {
	src     *source
	entries []policy.Entry
	// blank is set if the file has no text at all, not even a comment.
	blank bool
	// problems and warnings are those of its lines. With problems, entries are not all of the list.
	problems, warnings Problems
}

// parseList reads data as a list. Name is what problems call the file, written what the entries'
// Source does: the path as it stands in the configuration.
func parseList(name, written string, data []byte) *listFile {
	l := &listFile{}
	l.src, l.problems = newSource(name, data)
	if len(l.problems) > 0 {
		return l
	}
	l.blank = true
	// Sized at once: entries are large, and growing the slice would copy each of them several times.
	l.entries = make([]policy.Entry, 0, len(l.src.lines))
	first := make(map[string]int, len(l.src.lines)) // line by entry
	for i, line := range l.src.lines {
		number := i + 1
		if strings.TrimSpace(line) == "" {
			continue
		}
		l.blank = false
		if len(line) > maxListLine {
			l.problems = append(l.problems, l.src.problem(number, maxListLine+1, 1,
				fmt.Sprintf("a line of %d bytes; want at most %d", len(line), maxListLine), "write one host to a line"))
			continue
		}
		e, err := policy.ParseEntry(line)
		if err != nil {
			l.problems = append(l.problems, l.entryProblem(number, err))
			continue
		}
		if e.Host == (policy.Pattern{}) {
			continue // a comment
		}
		same := sameness(e)
		if was, dup := first[same]; dup {
			w := l.src.problem(number, column(line, 0), 0, fmt.Sprintf("says the same as line %d", was), "remove one of them")
			w.Warning = true
			l.warnings = append(l.warnings, w)
		} else {
			first[same] = number
		}
		e.Source = written + ":" + strconv.Itoa(number)
		l.entries = append(l.entries, e)
	}
	if l.blank {
		w := l.src.problem(0, 0, 0, "the list is empty: it names nothing", "a comment in it says that this is meant")
		w.Warning = true
		l.warnings = append(l.warnings, w)
	}
	return l
}

// sameness is equal for entries that decide alike.
func sameness(e policy.Entry) string {
	e.ID, e.Tag, e.By, e.Reason = "", "", "", ""
	return e.String()
}

func (l *listFile) entryProblem(number int, err error) Problem {
	var at *policy.EntryError
	if !errors.As(err, &at) {
		return l.src.problem(number, 0, 0, err.Error(), "")
	}
	line := l.src.line(number)
	offset := min(max(at.Column-1, 0), len(line))
	return l.src.problem(number, column(line, offset), wordWidth(line[offset:]), at.Msg, at.Hint)
}

// column is the column of the byte at offset, or of the first character of the text behind it.
func column(line string, offset int) int {
	for offset < len(line) && (line[offset] == ' ' || line[offset] == '\t') {
		offset++
	}
	return utf8.RuneCountInString(line[:offset]) + 1
}

// wordWidth is how many characters of s there are before a space.
func wordWidth(s string) int {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		s = s[:i]
	}
	return utf8.RuneCountInString(s)
}
