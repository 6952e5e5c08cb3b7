//go:build !windows

package main

import "webproxy/config"

// systemFile is where the configuration of an installed proxy is.
func systemFile() string { return "/etc/webproxy/" + config.FileName }
