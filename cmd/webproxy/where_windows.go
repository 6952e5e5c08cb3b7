package main

import (
	"os"
	"path/filepath"

	"webproxy/config"
)

// systemFile is where the configuration of an installed proxy is: %ProgramData%\webproxy\webproxy.yaml.
func systemFile() string {
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "webproxy", config.FileName)
}
