package audit

import (
	"os"

	"webproxy/internal/sharedfile"
)

// openShared opens a file for reading such that the log may rename and remove it meanwhile: on Windows a reader that
// never ends, such as Follow, would otherwise keep the log from being rotated.
func openShared(path string) (*os.File, error) { return sharedfile.Open(path, 0) }
