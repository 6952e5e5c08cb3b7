//go:build !linux

package atomicfile

import "os"

// keepList does nothing: on Windows the file was made with its list, elsewhere there are only permission bits.
func keepList(*os.File, string) error { return nil }
