//go:build !windows

package main

import "webproxy/config"

// installedSocket is where the admin socket of an installed proxy is; see install.AuditLine.
func installedSocket() string { return "/run/webproxy/admin.sock" }

// systemFile is where the configuration of an installed proxy is.
func systemFile() string { return "/etc/webproxy/" + config.FileName }
