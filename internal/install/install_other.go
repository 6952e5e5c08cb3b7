//go:build !linux && !windows

package install

import "errors"

var errNoService = errors.New("this system has no service manager that is known here")

// Install returns an error: only Linux and Windows are known.
func Install(Options) ([]Step, error) { return nil, errNoService }

// Uninstall returns an error: only Linux and Windows are known.
func Uninstall(Options) ([]Step, error) { return nil, errNoService }

// Status returns nothing.
func Status(Options) []Part { return nil }
