package config

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Problem is something wrong with a configuration, and where.
type Problem struct {
	File    string `json:"file"`             // as the caller of Load, or the configuration, wrote it
	Line    int    `json:"line,omitempty"`   // from 1; 0 if the problem is of the whole file
	Column  int    `json:"column,omitempty"` // from 1, in characters; 0 if unknown
	Path    string `json:"path,omitempty"`   // the setting: "policy.rules[1].hosts[0]"; empty in a list
	Msg     string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do
	Warning bool   `json:"warning,omitempty"`
	Finding string `json:"-"` // of a warning: the code of the finding with which package lint reports the same; may be empty
	Text    string `json:"-"` // the line
	Width   int    `json:"-"` // how many characters of it are at fault; 0 if all

	// keyOnly shows nothing of the line after what is at fault: the setting is unknown, and its value may be a
	// secret.
	keyOnly, alone bool
}

// String is the problem on one line: place, setting, message.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		// Nearly every problem is of the policy: what matters is which rule.
		b.WriteString(strings.TrimPrefix(p.Path, "policy."))
		b.WriteString(": ")
	}
	b.WriteString(p.Msg)
	return b.String()
}

// write prints the problem, the line with the place marked, and the hint. shown is the line with masks.
func (p Problem) write(w io.Writer, shown func(line string) []rune) error {
	var b strings.Builder
	fmt.Fprintln(&b, p)
	if p.Line > 0 && strings.TrimSpace(p.Text) != "" && !strings.Contains(p.Path, ".headers") { // these are credentials
		text, marks := p.excerpt(shown(p.Text))
		number := fmt.Sprint(p.Line)
		fmt.Fprintf(&b, "  %s | %s\n", number, text)
		if marks != "" {
			fmt.Fprintf(&b, "  %*s | %s\n", len(number), "", marks)
		}
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", p.Hint)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// excerptWidth is how much of a long line is shown, in characters.
const excerptWidth = 120

// excerpt returns the part of line, p.Text with masks, around the problem, safe to print on a terminal, and a line of carets to print
// below it.
func (p Problem) excerpt(line []rune) (text, marks string) {
	if p.keyOnly {
		line = p.onlyFault(line)
	}
	from := 0
	if p.Column > excerptWidth {
		from = min(p.Column-1-excerptWidth/2, len(line))
	}
	line = slices.Clone(line[from:min(len(line), from+excerptWidth)])
	for i, r := range line {
		if r != '\t' && !unicode.IsPrint(r) {
			line[i] = unicode.ReplacementChar
		}
	}
	at := p.Column - 1 - from
	if p.Column == 0 || at > len(line) {
		return string(line), ""
	}
	var b strings.Builder
	for _, r := range line[:at] {
		if r != '\t' { // a tab stays one, so that the marks line up with the text
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat("^", max(1, min(p.Width, len(line)-at))))
	return string(line), b.String()
}

// onlyFault is line up to the end of what is at fault. If that is to be shown alone, everything before it but the
// indentation is blanked.
func (p Problem) onlyFault(line []rune) []rune {
	begin := min(max(p.Column-1, 0), len(line))
	kept := slices.Clone(line[:min(begin+p.Width, len(line))])
	for i, r := range kept[:begin] {
		if p.alone && r != '\t' && r != '-' {
			kept[i] = ' '
		}
	}
	return kept
}

// Where URLs contain credentials: between "://" and "@", and after "?". Each expression has them as its second group.
var (
	urlUser  = regexp.MustCompile(`(://)([^\s/"']+)(@)`)
	urlQuery = regexp.MustCompile(`(://[^\s?"']*\?)([^\s"']+)()`)
	// Values of settings that are secrets by their names, in a line that cannot be read as YAML.
	named = regexp.MustCompile(`(?i)(\b(?:password|passwd|passphrase|secret|token|api_?key|authorization|credential)["']?\s*[:=]\s*)([^\s].*)()`)
)

// masked is a line in which the credentials of URLs, and the values of settings that are secrets by their names, are
// masked. It keeps its length, so that marks line up with the text. The line is also written to the operator's log,
// when the proxy starts.
func masked(line string) string {
	for _, part := range []*regexp.Regexp{urlUser, urlQuery, named} {
		line = part.ReplaceAllStringFunc(line, func(url string) string {
			m := part.FindStringSubmatch(url)
			return m[1] + strings.Repeat("*", utf8.RuneCountInString(m[2])) + m[3]
		})
	}
	return line
}

// Problems is everything wrong with a configuration, in the order of the files' lines. As an error
// it is never empty.
type Problems []Problem

// Error is the problems one to a line, without excerpts and hints.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Write prints each problem with its line, the place in it, and the hint.
func (ps Problems) Write(w io.Writer) error {
	last, masks := "", []rune(nil) // there may be a hundred problems of one line of megabytes
	shown := func(line string) []rune {
		if line != last {
			last, masks = line, []rune(masked(line))
		}
		return masks
	}
	for _, p := range ps {
		if err := p.write(w, shown); err != nil {
			return err
		}
	}
	return nil
}

// maxProblems bounds what is reported: in a binary file given as a list every line is wrong.
const maxProblems = 100

// hideValues keeps problems from showing the value of an unknown setting that another problem of the same line is
// about.
func (ps Problems) hideValues() {
	type line struct {
		file   string
		number int
	}
	first := map[line]int{} // column of an unknown setting
	for _, p := range ps {
		if at, found := first[line{p.File, p.Line}]; p.keyOnly && (!found || p.Column < at) {
			first[line{p.File, p.Line}] = p.Column
		}
	}
	for i := range ps {
		p := &ps[i]
		at, found := first[line{p.File, p.Line}]
		p.keyOnly, p.alone = found, found && (p.Column > at || strings.Contains(p.Text, "headers"))
	}
}

// sorted returns the problems in reading order, without repeats and not too many of them.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Msg, b.Msg))
	})
	ps = slices.Compact(ps)
	ps.hideValues()
	if extra := len(ps) - maxProblems; extra > 0 {
		last := ps[maxProblems-1]
		ps = append(ps[:maxProblems:maxProblems], Problem{
			File: last.File, Msg: fmt.Sprintf("and %d more", extra), Warning: last.Warning,
		})
	}
	return ps
}
