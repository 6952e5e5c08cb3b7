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
	in       *bufio.Reader
	out      io.Writer
	terminal *os.File // nil if the input is not a terminal
}

func newTerminal(in io.Reader, out io.Writer) *terminal {
	k := &terminal{in: bufio.NewReader(in), out: out}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		k.terminal = f
	}
	return k
}

// key reads one key, or one line; it is empty for Enter. The error is io.EOF at the end of the input, and for Ctrl-C and Ctrl-D.
func (k *terminal) key(prompt string) (string, error) {
	if k.terminal == nil {
		return k.line(prompt)
	}
	fmt.Fprint(k.out, prompt)
	// Only for this key: lines are edited, and Ctrl-C works, by the terminal's own means.
	fd := int(k.terminal.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	c, err := k.in.ReadByte()
	if restored := term.Restore(fd, state); err == nil {
		err = restored
	}
	switch {
	case err != nil:
		return "", err
	case c == 'C'-'@' || c == 'D'-'@':
		fmt.Fprintln(k.out)
		return "", io.EOF
	case c == '\r' || c == '\n':
		fmt.Fprintln(k.out)
		return "", nil
	}
	if c < ' ' || c > '~' {
		c = '?' // such as an arrow: no command
	}
	fmt.Fprintf(k.out, "%c\n", c)
	return strings.ToLower(string(rune(c))), nil
}

// line reads one line, without the spaces around it.
func (k *terminal) line(prompt string) (string, error) {
	fmt.Fprint(k.out, prompt)
	s, err := k.in.ReadString('\n')
	if err != nil && s == "" {
		return "", err
	}
	s = strings.TrimSpace(s)
	if k.terminal == nil { // a terminal has shown it
		fmt.Fprintln(k.out, s)
	}
	return s, nil
}
