package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// onTerminal is the program terminal of scripts:
//
//	terminal [-cols N] [-stderr] PROGRAM [ARGUMENT]...
//
// It runs PROGRAM with its standard output, or with its standard error, on a terminal that is N columns wide, and copies to
// its own standard output what appears there. It reads until PROGRAM has closed the terminal, so it misses nothing, however
// busy the machine is. Its exit code is PROGRAM's.
func onTerminal() {
	code, err := runOnTerminal()
	if err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		code = 125
	}
	os.Exit(code)
}

func runOnTerminal() (code int, err error) {
	flags := flag.NewFlagSet("terminal", flag.ExitOnError)
	cols := flags.Uint("cols", 200, "columns of the terminal")
	asStderr := flags.Bool("stderr", false, "standard error is the terminal, not standard output")
	flags.Parse(os.Args[1:])
	screen, tty, err := openTerminal(uint16(*cols))
	if err != nil {
		return 0, err
	}
	defer screen.Close()
	cmd := exec.Command(flags.Arg(0), flags.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, tty, os.Stderr
	if *asStderr {
		cmd.Stdout, cmd.Stderr = os.Stdout, tty
	}
	err = cmd.Start()
	tty.Close()
	if err != nil {
		return 0, err
	}
	io.Copy(os.Stdout, screen) // ends with EIO, after all output, when nobody has the terminal open
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), nil
}

// openTerminal opens a new terminal: the end at which its output is read, and that which programs have.
func openTerminal(cols uint16) (screen, tty *os.File, err error) {
	if screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: cols})
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		screen.Close()
		return nil, nil, err
	}
	return screen, tty, nil
}
