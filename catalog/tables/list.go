package tables

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"webproxy/policy"
)

// A Listed says what became of an entry in a list file.
type Listed struct {
	Entry policy.Entry
	As    string // the entry's place: "line 4 of the list", or "line 12" of the document; "" if it is new
}

// Append adds the entries of r to a list file, with the line of the document after each as a
// comment. An entry that list has already, or that r has named before, is not added again; every
// byte of list stays. The error is about list: it must be UTF-8, as every list file.
//
// The returned Listed are those of all entries of r, in their order; the bytes are list itself if
// none of them is new.
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
		// What does not parse is for check to report; here it only equals nothing.
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
			key := admits(e)[0] // an entry of ours has one port
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

// admits returns what an entry admits, port by port, in one form for each: "host", "host:443" and
// "https://host" are three ways to write one thing.
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

// comment is a line of the document as it is written after its entries: short, and without anything
// that could end the comment.
func (r Report) comment(l Line) string {
	return fmt.Sprintf("%s:%d: %s", Shown(r.Name), l.Number, Shown(l.Text))
}

// Shown is text on one line of a terminal or a list: no control or hidden characters, no columns
// padded with spaces, and not much of it.
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

// Gone returns the entries of a list file that Append has taken from an earlier version of the document, by the comment
// after each, and that r does not have any more. As is the entry's place.
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
