package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"webproxy/internal/smallfile"
)

const (
	maxYAML = 4 << 20  // bytes; far more than people write, and quick to parse
	maxList = 32 << 20 // bytes; a million hosts

	maxRoots = 4 << 20 // bytes; more than all public authorities

	listing = -1 // the limit in the fileState of a directory
)

// A source is the text of one file, and the file's name in problems.
type source struct {
	name  string
	text  string
	split []string // see lines

	// last is the last place returned by from, from which it goes on: a whole file may be on one line.
	last struct{ line, column, offset int }
}

// from returns line n from column on, which counts characters from 1; empty if the line is not as long.
func (s *source) from(n, column int) string {
	line := s.line(n)
	if s.last.line != n || s.last.column > column {
		s.last.line, s.last.column, s.last.offset = n, 1, 0
	}
	for s.last.column < column && s.last.offset < len(line) {
		_, size := utf8.DecodeRuneInString(line[s.last.offset:])
		s.last.offset += size
		s.last.column++
	}
	if s.last.column != column {
		return ""
	}
	return line[s.last.offset:]
}

// lines are those of the text, without their ends. They are made on first use: a valid list is read without them.
func (s *source) lines() []string {
	if s.split == nil {
		s.split = strings.Split(strings.ReplaceAll(s.text, "\r\n", "\n"), "\n")
	}
	return s.split
}

// forget drops what can be made again.
func (s *source) forget() { s.split = nil }

// each calls f for each line with its number, from 1.
func (s *source) each(f func(number int, line string)) {
	rest, more := s.text, true
	for number := 1; more; number++ {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		if more {
			line = strings.TrimSuffix(line, "\r")
		}
		f(number, line)
	}
}

// line returns a line by its number, from 1; empty if there is none.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines()) {
		return ""
	}
	return s.lines()[n-1]
}

// problem makes a Problem at a place of s. Width is in characters.
func (s *source) problem(line, column, width int, msg, hint string) Problem {
	return Problem{File: s.name, Line: line, Column: column, Msg: msg, Hint: hint, Text: s.line(line), Width: width}
}

// A reader reads the files of one load and remembers the state of each, so that a watcher can tell whether they are
// still the same.
type reader struct {
	seen map[string]fileState // by path as opened
	kept map[string]string    // the content of each, in case it cannot be read whole later; see unsteady.go. Lists share it.
	// lists are the lists that were read, and before those of an earlier load: an unchanged one is not read again.
	lists, before map[listKey]*listFile
	// at is when the last file was read.
	at time.Time
	// pause is called often by whatever takes long, to leave the processor to others; nil if nobody waits for it.
	pause func()
	// instead has contents that replace those of files, by path as opened; nil for none.
	instead map[string][]byte
	// virtual are the contents of files of a bundle, by path: they are in the bundle's file, and what is on disk at
	// their paths does not count.
	virtual map[string][]byte
	// only are the paths that may be read, as asOpened has them; nil for all. If it is not nil, settings may name these and those in named, which are not read.
	only, named map[string]bool
	// unsteady are the paths, as opened, of files that change faster than they can be read. Their only content is
	// that in instead.
	unsteady map[string]bool
	// files reads them; a Watcher has one for all its loads, which remembers files whose reads hang.
	files *smallfile.Reader
}

// A fileState is the result of reading a file, or of listing a directory.
type fileState struct {
	limit int64
	sum   [sha256.Size]byte // of the content
	err   string            // why there is none
}

// read returns the content of the file at path, at most limit bytes of it.
func (r *reader) read(path string, limit int64) ([]byte, error) {
	text, _, err := r.see(path, limit)
	if err != nil {
		return nil, err
	}
	r.keep(path, text)
	return []byte(text), nil
}

// see is read, but does not keep the content.
func (r *reader) see(path string, limit int64) (string, fileState, error) {
	if data, ok := r.virtual[path]; ok {
		return string(data), stateOf(limit, data, nil), nil
	}
	text, state, err := r.content(path, limit)
	r.at = time.Now()
	if r.seen == nil {
		r.seen = map[string]fileState{}
	}
	r.seen[path] = state
	return text, state, err
}

func (r *reader) keep(path, text string) {
	if r.kept == nil {
		r.kept = map[string]string{}
	}
	r.kept[path] = text
}

func (r *reader) content(path string, limit int64) (string, fileState, error) {
	if data, ok := r.instead[path]; ok {
		return string(data), stateOf(limit, data, nil), nil
	}
	if r.only != nil && !r.only[asOpened(path)] {
		return "", stateOf(limit, nil, errNoFile), errNoFile
	}
	if r.unsteady[path] {
		return "", stateOf(limit, nil, errUnsteady), errUnsteady
	}
	text, sum, err := r.disk().ReadText(path, limit, r.pause)
	if err != nil {
		err = cause(err)
		return "", stateOf(limit, nil, err), err
	}
	return text, fileState{limit: limit, sum: sum}, nil
}

// list notes which files are in the directory at path, if it exists.
func (r *reader) list(path string) {
	if r.seen == nil {
		r.seen = map[string]fileState{}
	}
	r.seen[path] = r.listing(path)
}

func (r *reader) listing(path string) fileState {
	entries, err := r.disk().ReadDir(path)
	var names []byte
	for _, e := range entries {
		names = append(append(names, e.Name()...), 0)
	}
	return stateOf(listing, names, err)
}

func stateOf(limit int64, data []byte, err error) fileState {
	if err != nil {
		return fileState{limit: limit, err: err.Error()}
	}
	return fileState{limit: limit, sum: sha256.Sum256(data)}
}

// unchanged reports whether every file is still as r saw it.
func (r *reader) unchanged() bool { return len(r.changed(1)) == 0 }

// changed returns files that are not as r saw them, at most n of them.
func (r *reader) changed(n int) (paths []string) {
	for path, was := range r.seen {
		now := fileState{limit: was.limit}
		if was.limit == listing {
			now = r.listing(path)
		} else if sum, err := r.disk().Sum(path, was.limit, r.pause); err != nil {
			now.err = cause(err).Error()
		} else {
			now.sum = sum
		}
		if now != was {
			if paths = append(paths, path); len(paths) == n {
				break
			}
		}
	}
	return paths
}

// readFile reads a regular file, by a reader of its own. The error does not repeat the path.
func readFile(path string, limit int64) ([]byte, error) {
	data, err := smallfile.Read(path, limit)
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}

// disk reads the files.
func (r *reader) disk() *smallfile.Reader {
	if r.files == nil {
		r.files = new(smallfile.Reader)
	}
	return r.files
}

// cause is err without the operation and the path, which the problem already names.
func cause(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNoFile
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

var errNoFile = errors.New("no such file")

// newSource takes data as text. It reports bytes that people cannot see but that change the meaning of a file, or
// that show that it was not written whole; then nothing of it is used.
func newSource(name, text string) (*source, Problems) { return newSourcePaced(name, text, nil) }

// newSourcePaced is newSource, which calls pause often, unless it is nil.
func newSourcePaced(name, text string, pause func()) (*source, Problems) {
	s := &source{name: name}
	begin := []byte(text[:min(len(text), 4)])
	rest, err := smallfile.Text(begin)
	if err != nil {
		return s, Problems{s.problem(0, 0, 0, "the file is UTF-16", "save it as UTF-8")}
	}
	s.text = text[len(begin)-len(rest):]
	var found Problems
	if !plainText(s.text, pause) {
		s.each(func(number int, line string) {
			if msg, hint, at := badText(line); msg != "" {
				column := utf8.RuneCountInString(line[:at]) + 1
				found = append(found, s.problem(number, column, 1, msg, hint))
			}
		})
	}
	if len(found) == 0 && !inert(s.text[strings.LastIndexByte(s.text, '\n')+1:]) {
		// "*.example.co" may be the beginning of "*.example.com": a truncated name is another name, and the file
		// system does not report that a write did not finish.
		last := len(s.lines())
		found = append(found, s.problem(last, utf8.RuneCountInString(s.line(last))+1, 1,
			"the last line does not end: was the file written whole?", "end it with a line break"))
	}
	return s, found
}

// plainText reports whether badText would find nothing in text: it is ASCII without control characters.
func plainText(text string, pause func()) bool {
	const piece = 64 << 10
	for ; len(text) > piece; text = text[piece:] {
		if !plainText(text[:piece], nil) {
			return false
		}
		if pause != nil {
			pause()
		}
	}
	for i := range len(text) {
		if c := text[i]; (c < ' ' || c >= 0x7f) && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// inert reports whether a line has no content, so that it does not matter where it ends.
func inert(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// badText finds the first character of a line that no text should have, and its offset.
func badText(line string) (msg, hint string, at int) {
	for i, r := range line {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(line[i:], "\ufffd"):
			return "not UTF-8 text", "save the file as UTF-8", i
		case r == 0:
			return "NUL byte", "the file is not text, or was not written whole", i
		case r == '\t':
		case r < ' ' || r == 0x7f:
			return fmt.Sprintf("control character %U", r), "remove it", i
		case r == 0x85 || r == 0x2028 || r == 0x2029:
			// YAML breaks lines here, editors do not: a seeming comment could be a rule.
			return fmt.Sprintf("line break %U that editors do not show", r), "remove it", i
		case 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069:
			// A reviewer would read something else than the proxy does (CVE-2021-42574).
			return fmt.Sprintf("invisible character %U, which reorders the text around it", r), "remove it", i
		}
	}
	return "", "", 0
}
