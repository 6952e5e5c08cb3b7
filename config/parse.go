package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a file may nest; the settings need eight levels.
const maxDepth = 32

// parseYAML reads s as one plain YAML document: no anchors, aliases, merge keys or tags, with which a file would say
// what no reader sees in it.
func parseYAML(s *source) (*yaml.Node, Problems) {
	text := []byte(strings.Join(s.lines(), "\n"))
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, Problems{s.problem(0, 0, 0, "the file is empty", "webproxy init writes one to start from")}
	}
	if err != nil {
		return nil, syntaxProblems(s, text, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, Problems{s.problem(second.Line, second.Column, 3, "a second YAML document begins", "keep all settings in one, without ---")}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblems(s, text, err)
	}
	root := doc.Content[0]
	var found Problems
	if !plain(s, root, 0, &found) {
		return nil, found
	}
	return root, found
}

// plain collects the problems of n and its children that make it more than plain YAML. It returns false if n is
// nested too deep to check.
func plain(s *source, n *yaml.Node, depth int, found *Problems) bool {
	fail := func(width int, msg, hint string) {
		*found = append(*found, s.problem(n.Line, n.Column, width, msg, hint))
	}
	switch {
	case depth > maxDepth:
		fail(1, fmt.Sprintf("nested more than %d levels deep", maxDepth), "")
		return false
	case n.Kind == yaml.AliasNode:
		fail(utf8.RuneCountInString(n.Value)+1, aliasMsg("*"+n.Value), aliasHint("*"+n.Value))
		return true
	case n.Anchor != "":
		fail(utf8.RuneCountInString(n.Anchor)+1, "an anchor (&) is not a setting", "write the value where it is needed; if the text begins with &, quote it")
	case n.Style&yaml.TaggedStyle != 0:
		fail(1, fmt.Sprintf("a tag (%s) is not a setting", n.Tag), "remove it; if the text begins with !, quote it")
	case n.Tag == "!!merge":
		fail(2, "a merge key (<<) is not a setting", "write the settings where they are needed")
	}
	for _, c := range n.Content {
		if !plain(s, c, depth+1, found) {
			return false
		}
	}
	return true
}

func aliasMsg(text string) string { return fmt.Sprintf("%s without quotes is a YAML alias", text) }

func aliasHint(text string) string { return fmt.Sprintf("quote it: %q", text) }

var (
	yamlPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// A star where a value starts: after "- ", "[", ", ", ": " or at the line's beginning.
	starValue = regexp.MustCompile(`(?:^|[-:,\[]\s+|[\[,])(\*[^\s,\]}#]*)`)
	badStart  = regexp.MustCompile("(?:^|[\\s\\[,])([%@`])")
	twoColons = regexp.MustCompile(`:\s.*?(:)(?:\s|$)`)
)

// syntaxProblems turns the library's error into problems with a place. The library reports a line only sometimes, and
// often not the one at fault.
func syntaxProblems(s *source, text []byte, err error) Problems {
	msg := yamlPrefix.ReplaceAllString(err.Error(), "")
	n := faultLine(text, msg)
	line := s.line(n)
	at, width, hint := len(line)-len(strings.TrimLeft(line, " \t")), 1, ""
	mark := func(re *regexp.Regexp) {
		if m := re.FindStringSubmatchIndex(line); m != nil {
			at, width = m[2], utf8.RuneCountInString(line[m[2]:m[3]])
		}
	}
	switch {
	case strings.Contains(msg, "alphabetic or numeric character"), strings.HasPrefix(msg, "unknown anchor"):
		if found := aliases(s, n); len(found) > 0 {
			return found
		}
		msg, hint = "a YAML alias or anchor without a name", "quote text that begins with * or &"
	case strings.Contains(msg, "cannot start any token") && strings.Contains(line, "\t"):
		msg, hint = "a tab where YAML wants spaces", "indent with spaces"
		at = strings.IndexByte(line, '\t')
	case strings.Contains(msg, "cannot start any token"):
		mark(badStart)
		msg, hint = fmt.Sprintf("a value cannot begin with %q", line[at:min(at+1, len(line))]), "quote it"
	case strings.Contains(msg, "expected <document start>"):
		// The library stops at the first line that is not indented. The lines before it are the wrong ones.
		n = firstSaying(s)
		line = s.line(n)
		at = len(line) - len(strings.TrimLeft(line, " \t"))
		msg, hint = "the first setting is indented, later ones are not", "begin every section in the first column"
	case strings.Contains(msg, "mapping values are not allowed") && !twoColons.MatchString(line):
		msg, hint = "a setting below one that has a value already", "indent it like the line before it"
	case strings.Contains(msg, "mapping values are not allowed"):
		mark(twoColons)
		msg, hint = `a ": " where none can be`, "quote the value, or check the indentation"
	case strings.Contains(msg, "unexpected end of stream"):
		msg, hint = "a quote that is never closed", ""
		at = max(strings.IndexAny(line, `"'`), 0)
	case strings.Contains(msg, "unknown escape character"):
		msg, hint = "an unknown escape in double quotes", `write \\ for a backslash, or use single quotes`
		at = max(strings.IndexByte(line, '\\'), 0)
	case strings.Contains(msg, "',' or"), strings.Contains(msg, "expected node content"):
		msg, hint = "a list or mapping in brackets is not closed, or closed twice: "+msg, "is a bracket, a comma or a quote missing?"
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "expected '-' indicator"):
		hint = "check the indentation: items of one list, and settings of one section, start in the same column"
	case strings.Contains(msg, "exceeded max depth"):
		msg = fmt.Sprintf("nested more than %d levels deep", maxDepth)
	}
	return Problems{s.problem(n, utf8.RuneCountInString(line[:at])+1, width, msg, hint)}
}

// firstSaying is the number of the first line with content.
func firstSaying(s *source) int {
	for i, line := range s.lines() {
		if !inert(line) {
			return i + 1
		}
	}
	return 1
}

// aliases reports every unquoted value that begins with a star: on line n, at which the library stopped, and wherever
// an item of a list does, since the quotes are then probably missing everywhere.
func aliases(s *source, n int) Problems {
	var found Problems
	for i, line := range s.lines() {
		if i+1 != n && !strings.HasPrefix(strings.TrimSpace(line), "- *") {
			continue
		}
		column, at := 1, 0 // of the last star found, from which the next column is counted
		for _, m := range starValue.FindAllStringSubmatchIndex(line, -1) {
			text := line[m[2]:m[3]]
			column, at = column+utf8.RuneCountInString(line[at:m[2]]), m[2]
			found = append(found, s.problem(i+1, column, utf8.RuneCountInString(text), aliasMsg(text), aliasHint(text)))
		}
	}
	return found
}

const (
	maxRetry   = 200      // lines
	maxRetryOf = 64 << 10 // bytes
)

// faultLine finds the line of text that causes the error msg: the shortest beginning of the text that has the same
// error as the whole ends with it. For a bracket or a quote that is never closed, that is the line which opens it.
func faultLine(text []byte, msg string) int {
	ends := lineEnds(text)
	n := len(ends)
	if len(text) > maxRetryOf {
		return n
	}
	// The error does not depend on lines after the one the reader stopped at: find that line by bisection, then go up
	// as long as the error stays.
	same := func(k int) bool { return firstError(text[:ends[k-1]]) == msg }
	low, high := 1, n
	for low < high {
		if mid := (low + high) / 2; same(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	for tries := 0; low > 1 && tries < maxRetry && same(low-1); tries++ {
		low--
	}
	return low
}

// firstError is the library's error about text, without the line; empty if there is none.
func firstError(text []byte) string {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return ""
		case err != nil:
			return yamlPrefix.ReplaceAllString(err.Error(), "")
		}
	}
}

// lineEnds are the offsets after each line of text.
func lineEnds(text []byte) []int {
	var ends []int
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		ends = append(ends, len(text))
	}
	return ends
}
