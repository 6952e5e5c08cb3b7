package clientconfig

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// window is how many characters of a list are shown around a fault.
const window = 72

// Text is the result for people: a caret under each fault, and the corrected list.
func (c *Checked) Text() string {
	var b strings.Builder
	for _, f := range c.Findings {
		word := ""
		if f.Note {
			word = "note: "
		}
		fmt.Fprintf(&b, "%s:%d: %s: %s%s\n", c.Kind, utf8.RuneCountInString(c.List[:f.Start])+1, f.ID, word, f.Msg)
		line, from, to := around(c.List, f.Start, f.End)
		fmt.Fprintf(&b, "  | %s\n  | %s%s\n", line, strings.Repeat(" ", from), strings.Repeat("^", max(1, to-from)))
		if f.Fix != "" {
			fmt.Fprintf(&b, "    fix: %s\n", f.Fix)
		}
	}
	switch {
	case c.List == "" && c.Right == "":
	case len(c.Findings) == 0:
		fmt.Fprintf(&b, "ok: %s\n", visible(c.Right))
	default:
		fmt.Fprintf(&b, "right: %s\n", visible(c.Right))
	}
	return b.String()
}

// around returns the part of list that is shown for list[start:end], and the positions of the carets in it, in characters.
func around(list string, start, end int) (line string, from, to int) {
	before, at, after := []rune(visible(list[:start])), []rune(visible(list[start:end])), []rune(visible(list[end:]))
	from = len(before)
	if len(before)+len(at)+len(after) <= window {
		return string(before) + string(at) + string(after), from, from + len(at)
	}
	if len(at) > window {
		at = append(at[:window-1:window-1], '…')
	}
	room := (window - len(at)) / 2
	if len(before) > room {
		before = append([]rune{'…'}, before[len(before)-room:]...)
	}
	if len(after) > room {
		after = append(after[:room:room], '…')
	}
	from = len(before)
	return string(before) + string(at) + string(after), from, from + len(at)
}

// visible replaces characters that a terminal would not show as one character.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r == 0xfeff {
			return '?'
		}
		return r
	}, s)
}
