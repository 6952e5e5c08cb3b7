package config

import (
	"os"
	"path/filepath"
)

// SystemFile is where the configuration of an installed proxy is: %ProgramData%\webproxy\webproxy.yaml.
func SystemFile() string {
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "webproxy", FileName)
}
