package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsColour has the console obey escape sequences, which it does not by itself before Windows Terminal.
func understandsColour(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
