package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A terminal reads a person's answers: single keys if the input is a terminal, lines if it is not.
type terminal struct {
	in  *bufio.Reader
	out io.Writer
	tty *os.File // nil if the input is not a terminal
}

func newTerminal(in io.Reader, out io.Writer) *terminal {
	t := &terminal{in: bufio.NewReader(in), out: out}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.tty = f
	}
	return t
}

// key reads one key, or one line; it is empty for Enter. The error is io.EOF at the end of the input, and for Ctrl-C and Ctrl-D.
func (t *terminal) key(prompt string) (string, error) {
	if t.tty == nil {
		return t.line(prompt)
	}
	fmt.Fprint(t.out, prompt)
	// Raw for this key only: for lines, the terminal itself handles editing and Ctrl-C.
	fd := int(t.tty.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	c, err := t.in.ReadByte()
	if restored := term.Restore(fd, state); err == nil {
		err = restored
	}
	switch {
	case err != nil:
		return "", err
	case c == 'C'-'@' || c == 'D'-'@':
		fmt.Fprintln(t.out)
		return "", io.EOF
	case c == '\r' || c == '\n':
		fmt.Fprintln(t.out)
		return "", nil
	}
	if c < ' ' || c > '~' {
		c = '?' // such as an arrow: no command
	}
	fmt.Fprintf(t.out, "%c\n", c)
	return strings.ToLower(string(rune(c))), nil
}

// line reads one line, without the spaces around it.
func (t *terminal) line(prompt string) (string, error) {
	fmt.Fprint(t.out, prompt)
	s, err := t.in.ReadString('\n')
	if err != nil && s == "" {
		return "", err
	}
	s = strings.TrimSpace(s)
	if t.tty == nil { // a terminal has shown it
		fmt.Fprintln(t.out, s)
	}
	return s, nil
}
