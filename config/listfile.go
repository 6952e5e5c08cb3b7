package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"webproxy/policy"
)

// maxListLine bounds a line of a list, in bytes. A host and all its keys need less than a kilobyte.
const maxListLine = 4096

// A listFile is a plain text list, one policy.Entry to a line. Loads share it as long as the file does not change.
type listFile struct {
	src     *source
	entries *policy.Entries
	// blank is set if the file has no text at all, not even a comment.
	blank bool
	// problems and warnings are those of its lines. If there are problems, entries are incomplete.
	problems, warnings Problems

	sum [sha256.Size]byte // of the file
}

// A listKey identifies a list from one load to the next.
type listKey struct{ path, name, written string }

// parseList reads text as a list. Name is the file's name in problems; written is its name in the entries' Source:
// the path as it stands in the configuration. Pause, if not nil, is called often.
func parseList(name, written, text string, pause func()) *listFile {
	l := &listFile{entries: &policy.Entries{File: written}}
	l.src, l.problems = newSourcePaced(name, text, pause)
	if len(l.problems) > 0 {
		return l
	}
	l.blank = true
	l.entries.Grow(strings.Count(l.src.text, "\n"))
	l.src.each(func(number int, line string) {
		if pause != nil && number%64 == 0 {
			pause()
		}
		switch {
		case strings.TrimSpace(line) == "":
			return
		case len(line) > maxListLine:
			l.problems = append(l.problems, l.src.problem(number, maxListLine+1, 1,
				fmt.Sprintf("a line of %d bytes; want at most %d", len(line), maxListLine), "write one host to a line"))
		default:
			if _, err := l.entries.ParseLine(line, number); err != nil {
				l.problems = append(l.problems, l.entryProblem(number, err))
			}
		}
		l.blank = false
	})
	l.entries.Done()
	l.entries.Repeated(func(n, first int) {
		if pause != nil && n%64 == 0 {
			pause()
		}
		number := l.entries.Line(n)
		w := l.src.problem(number, column(l.src.line(number), 0), 0, fmt.Sprintf("says the same as line %d", l.entries.Line(first)), "remove one of them")
		w.Warning, w.Finding = true, "redundant"
		l.warnings = append(l.warnings, w)
	})
	if l.blank {
		w := l.src.problem(0, 0, 0, "the list is empty: it names nothing", "a comment in it says that this is meant")
		w.Warning = true
		l.warnings = append(l.warnings, w)
	}
	return l
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

// column is the column of the byte at offset, or of the first character of the text after it.
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
