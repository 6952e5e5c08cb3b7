package main

import (
	"os"
	"path/filepath"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/adminsocket"
)

// installedSocket is where the admin socket of an installed proxy is: that of the log which service install makes.
func installedSocket() string {
	return adminsocket.DefaultPath(filepath.Join(filepath.Dir(systemFile()), audit.DefaultDir))
}

// systemFile is where the configuration of an installed proxy is: %ProgramData%\webproxy\webproxy.yaml.
func systemFile() string {
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "webproxy", config.FileName)
}
