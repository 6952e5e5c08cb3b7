package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// errNotOwn is why a file in the log's directory is not written to.
var errNotOwn = errors.New("not a regular file of this log: move it away")

func notOwn(path string, mode fs.FileMode) error {
	kind := "it"
	switch {
	case mode&fs.ModeSymlink != 0:
		kind = "a symbolic link"
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	}
	return fmt.Errorf("%s: %s is %w", path, kind, errNotOwn)
}

// onlyRegular returns f if it is a regular file, and else closes it.
func onlyRegular(f *os.File, path string) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notOwn(path, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
