//go:build unix

package audit

import (
	"fmt"
	"os"
)

// checkPrivate refuses the file of a private key that others than its owner may read.
func checkPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o: others could sign in its name; chmod 600 it, or let a new one be made", f.Name(), mode)
	}
	return nil
}
