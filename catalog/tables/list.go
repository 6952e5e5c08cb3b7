package tables

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"webproxy/policy"
)

// A Listed says where a list file has an entry.
type Listed struct {
	Entry policy.Entry
	As    string // where it already is: "line 4 of the list", or "line 12" of the document; "" if it is new
}

// Append returns a list file with the entries of r appended, each with its line of the document as a comment. An entry that
// list has already, or that occurs again in r, is not added; every byte of list is kept. The error is about list, which must be
// UTF-8 like every list file.
//
// The returned Listed are for all entries of r, in their order; the returned bytes are list itself if no entry is new.
func (r Report) Append(list []byte) ([]byte, []Listed, error) {
	if !utf8.Valid(list) || bytes.IndexByte(list, 0) >= 0 {
		return nil, nil, fmt.Errorf("not a text file in UTF-8")
	}
	end := "\n"
	if bytes.Contains(list, []byte("\r\n")) {
		end = "\r\n"
	}
	seen := map[string]string{}
	for i, line := range splitLines(strings.TrimPrefix(string(list), "\ufeff")) {
		// Invalid lines are reported by webproxy check; here they are only not equal to any entry.
		if e, err := policy.ParseEntry(line); err == nil && e.Host != (policy.Pattern{}) {
			for _, key := range admits(e) {
				if seen[key] == "" {
					seen[key] = fmt.Sprintf("line %d of the list", i+1)
				}
			}
		}
	}
	var added strings.Builder
	var all []Listed
	for _, l := range r.Lines {
		for _, e := range l.Entries {
			key := admits(e)[0] // entries of a Report have one port
			all = append(all, Listed{Entry: e, As: seen[key]})
			if seen[key] != "" {
				continue
			}
			seen[key] = fmt.Sprintf("line %d", l.Number)
			added.WriteString(e.String() + "  # " + r.comment(l) + end)
		}
	}
	if added.Len() == 0 {
		return list, all, nil
	}
	out := bytes.Clone(list)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, end...)
	}
	return append(out, added.String()...), all, nil
}

// admits returns what an entry admits in a canonical form, for each port: "host", "host:443" and "https://host" mean the same.
func admits(e policy.Entry) []string {
	e.ID, e.Tag, e.By, e.Reason = "", "", "", ""
	scheme, ports := e.Scheme, e.Ports
	if len(ports) == 0 {
		ports = []uint16{scheme.DefaultPort()}
	}
	var all []string
	for _, port := range ports {
		e.Ports = []uint16{port}
		if e.Scheme = scheme; scheme == policy.SchemeNone {
			e.Scheme = policy.HTTPS
		}
		all = append(all, e.String())
		if scheme == policy.SchemeNone && port == 80 { // plain HTTP too
			e.Scheme = policy.HTTP
			all = append(all, e.String())
		}
	}
	return all
}

// comment is the comment after entries of a line of the document: short, and on one line.
func (r Report) comment(l Line) string {
	return fmt.Sprintf("%s:%d: %s", Shown(r.Name), l.Number, Shown(l.Text))
}

// Shown is text for one line of a terminal or a list: without control and hidden characters and repeated spaces, and at most 100
// characters long.
func Shown(text string) string {
	const most = 100         // characters
	if len(text) > 20*most { // a document may be one line of megabytes, with an entry from each of its words
		text = strings.ToValidUTF8(text[:20*most], "")
	}
	text = strings.Join(strings.Fields(visible(text)), " ")
	if n := utf8.RuneCountInString(text); n > most {
		text = string([]rune(text)[:most]) + "..."
	}
	return text
}

// Gone returns the entries of a list file that, by their comments, Append has taken from an earlier version of the document, and
// that r does not have any more. Their As is the line of the list.
func (r Report) Gone(list []byte) []Listed {
	if !utf8.Valid(list) {
		return nil
	}
	have := map[string]bool{}
	for _, l := range r.Lines {
		for _, e := range l.Entries {
			have[admits(e)[0]] = true
		}
	}
	var gone []Listed
	for i, line := range splitLines(strings.TrimPrefix(string(list), "\ufeff")) {
		_, comment, _ := strings.Cut(line, "  # ")
		rest, ours := strings.CutPrefix(comment, Shown(r.Name)+":")
		if number, _, ok := strings.Cut(rest, ":"); !ours || !ok || number == "" || strings.Trim(number, "0123456789") != "" {
			continue
		}
		e, err := policy.ParseEntry(line)
		if err != nil || e.Host == (policy.Pattern{}) || have[admits(e)[0]] {
			continue
		}
		gone = append(gone, Listed{Entry: e, As: fmt.Sprintf("line %d of the list", i+1)})
	}
	return gone
}
