package config

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"webproxy/internal/smallfile"
	"webproxy/policy"
)

// ListFiles returns the list files on disk that the rules of c name, as absolute paths in order. Those within a bundle are not
// on disk.
func (c *Config) ListFiles() []string {
	paths := map[string]bool{}
	for key := range c.read.lists {
		if _, inBundle := c.read.virtual[key.path]; !inBundle {
			paths[key.path] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// ReadList returns the content of the list file at path, as a load of a configuration reads it. The error is Problems.
func ReadList(path string) ([]byte, error) {
	data, err := readFile(path, maxList)
	if err != nil {
		p := Problem{File: path, Msg: err.Error()}
		if near := nearFile(path, new(smallfile.Reader).ReadDir); near != "" && errors.Is(err, errNoFile) {
			p.Msg += "; did you mean " + quoted(filepath.ToSlash(near)) + "?"
		}
		return nil, Problems{p}
	}
	return data, nil
}

// errFormat says that FormatList has a mistake of its own.
var errFormat = errors.New("its normal form would not mean the same; it stays as it is")

// FormatList returns a list file in its normal form: each line as policy.FormatLine writes it, in the same order, at most one
// empty line after another and none at the beginning and the end, line ends as the first line has them, no byte order mark.
// Name is what problems call the file. The error is Problems if a line is not valid. Both forms are parsed and compared: the
// entries are the same, each with all that it says.
func FormatList(name string, data []byte) ([]byte, error) {
	before := parseList(name, name, string(data), nil)
	if len(before.problems) > 0 {
		return nil, before.problems.sorted()
	}
	end := "\n"
	if i := strings.IndexByte(before.src.text, '\n'); i > 0 && before.src.text[i-1] == '\r' {
		end = "\r\n"
	}
	var b strings.Builder
	gap := false // an empty line comes before the next one
	before.src.each(func(_ int, line string) {
		text := ""
		if strings.TrimSpace(line) != "" {
			text, _ = policy.FormatLine(line) // that it can be parsed is known
		}
		if text == "" {
			gap = b.Len() > 0
			return
		}
		if gap {
			b.WriteString(end)
		}
		gap = false
		b.WriteString(text + end)
	})
	after := parseList(name, name, b.String(), nil)
	if len(after.problems) > 0 || !sameEntries(before.entries, after.entries) {
		return nil, Problems{{File: name, Msg: errFormat.Error()}}
	}
	return []byte(b.String()), nil
}

// sameEntries reports whether two lists have the same entries, wherever they stand.
func sameEntries(a, b *policy.Entries) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if a.Entry(i).String() != b.Entry(i).String() {
			return false
		}
	}
	return true
}
