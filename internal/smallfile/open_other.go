//go:build !unix

package smallfile

import "os"

func open(path string) (*os.File, error) { return os.Open(path) }
