//go:build !windows

package config

// SystemFile is where the configuration of an installed proxy is.
func SystemFile() string { return "/etc/webproxy/" + FileName }
