package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"webproxy/audit"
	"webproxy/internal/columns"
)

// A screen is a writer for people. Other writers, such as the file of --out, have neither width nor colour.
type screen struct {
	io.Writer
	file   *os.File // nil if it is not a terminal
	width  int      // in characters, of tables; 0 for any
	colour bool
}

// The values of --color.
const (
	colourAuto   = "auto"
	colourAlways = "always"
	colourNever  = "never"
)

// screenFlags adds the flags of screens to root, and makes its output and errors screens.
func screenFlags(root *cobra.Command) {
	when := root.PersistentFlags().String("color", colourAuto, "colour in answers for people: `WHEN` is auto, on a terminal unless NO_COLOR is set, always or never")
	wide := root.PersistentFlags().BoolP("wide", "w", false, "all columns of a table, uncut, however wide the terminal is")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains([]string{colourAuto, colourAlways, colourNever}, *when) {
			return usageError{fmt.Errorf("--color %q: want auto, always or never", *when)}
		}
		root.SetOut(newScreen(root.OutOrStdout(), *when, *wide))
		root.SetErr(newScreen(root.ErrOrStderr(), *when, *wide))
		return nil
	}
}

// newScreen makes a screen of w, or of the writer below it if it is one.
func newScreen(w io.Writer, when string, wide bool) *screen {
	if s, ok := w.(*screen); ok {
		w = s.Writer
	}
	s := &screen{Writer: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.file = f
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && !wide {
			s.width = width
		}
	}
	switch when {
	case colourAlways:
		s.colour = true
	case colourAuto: // https://no-color.org: set to anything but nothing
		s.colour = s.file != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if s.colour && s.file != nil {
		s.colour = understandsColour(s.file) || when == colourAlways
	}
	return s
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	s, ok := w.(*screen)
	return ok && s.file != nil
}

// tableWidth is the width for a table on w; 0 for any width: if w is not a terminal, or with --wide.
func tableWidth(w io.Writer) int {
	if s, ok := w.(*screen); ok {
		return s.width
	}
	return 0
}

// writeTable writes rows in columns; the first is the heading. On a terminal that is too narrow, columns are left out that drop
// names, the first of them first, and then cells are wrapped at words; --wide has all. Decisions are coloured.
func writeTable(w io.Writer, rows [][]string, drop ...string) error {
	return columns.Table{Width: tableWidth(w), Drop: drop, Paint: func(heading, cell string) string {
		if heading == "DECISION" || heading == "STATUS" {
			return paint(w, colourOf(cell), cell)
		}
		return cell
	}}.Write(w, rows)
}

// cell is s in a table: a dash if it is empty.
func cell(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tableCell is cell for what came from the network: without what a terminal would obey.
func tableCell(s string) string { return audit.Printable(cell(s)) }

// A colour is the number of a foreground colour (ECMA-48, SGR).
type colour int

const (
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

// paint is text in a colour, if w shows colours.
func paint(w io.Writer, c colour, text string) string {
	if s, ok := w.(*screen); !ok || !s.colour || c == 0 || text == "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, text)
}

// colourOf is the colour of a word that says what was decided; 0 for none.
func colourOf(word string) colour {
	switch strings.ToLower(word) {
	case "allow", "allowed", "covered":
		return green
	case "deny", "denied", "missing", "refused":
		return red
	case "would_deny", "let through":
		return yellow
	}
	return 0
}

var (
	verdictWords = regexp.MustCompile(`(?m)^(?:now.*: |of the host it named, now: )?(ALLOWED|DENIED|LET THROUGH)\b`)
	caretLines   = regexp.MustCompile(`(?m)^[ |\t]*(\^+)$`)
)

// paintVerdicts paints the words at the beginning of lines that say what was decided.
func paintVerdicts(w io.Writer, text string) string {
	return paintMatches(w, verdictWords, text, colourOf)
}

// paintCarets paints the marks below what is at fault.
func paintCarets(w io.Writer, text string) string {
	return paintMatches(w, caretLines, text, func(string) colour { return red })
}

// paintMatches paints the first group of each match.
func paintMatches(w io.Writer, re *regexp.Regexp, text string, of func(string) colour) string {
	if s, ok := w.(*screen); !ok || !s.colour {
		return text
	}
	var b strings.Builder
	done := 0
	for _, at := range re.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[done:at[2]] + paint(w, of(text[at[2]:at[3]]), text[at[2]:at[3]]))
		done = at[3]
	}
	return b.String() + text[done:]
}
