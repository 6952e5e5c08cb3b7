//go:build !linux && !windows

package install

import "errors"

var errNoService = errors.New("the service manager of this system is not supported")

// Install returns an error: only Linux and Windows are supported.
func Install(Options) ([]Step, error) { return nil, errNoService }

// Uninstall returns an error: only Linux and Windows are supported.
func Uninstall(Options) ([]Step, error) { return nil, errNoService }

// Status returns nothing.
func Status(Options) []Part { return nil }
