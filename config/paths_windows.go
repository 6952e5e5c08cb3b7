package config

import (
	"os"
	"path/filepath"
)

// rootless reports whether a path begins at the root of a drive that it does not name, as /etc/webproxy does, or at the working
// directory of one that it names, as C:audit does.
func rootless(path string) bool {
	if path == "" || filepath.IsAbs(path) {
		return false
	}
	return os.IsPathSeparator(path[0]) || filepath.VolumeName(path) != ""
}
