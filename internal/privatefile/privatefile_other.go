//go:build !windows

package privatefile

import (
	"fmt"
	"os"
)

// Check refuses an open file that others than its owner may read or write.
func Check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o: others may read or change it; chmod 600 it", f.Name(), mode)
	}
	return nil
}

// protect does nothing: the mode was given when the file was made.
func protect(*os.File) error { return nil }
