//go:build !windows

package privatefile

import (
	"fmt"
	"os"
	"syscall"
)

// Check refuses an open file that others than its owner may read or write. A file that belongs to somebody else, such as root,
// may let its group read it: that is how a service is given a key of which it is not the owner.
func Check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode, refused := info.Mode().Perm(), os.FileMode(0o077)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		refused = 0o037
	}
	if mode&refused != 0 {
		return fmt.Errorf("%s has mode %04o: others may read or change it; chmod 600 it", f.Name(), mode)
	}
	return nil
}

// loose says who else may change the file or directory, or, if it is private, read it. Nobody is the empty string.
// It takes a group with the number of the owner for the owner's own.
func loose(info os.FileInfo, private bool) string {
	mode := info.Mode().Perm()
	if info.IsDir() && info.Mode()&os.ModeSticky != 0 {
		mode &^= 0o022 // as in /tmp: others can add files there, and change none
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	ownGroup := ok && st.Uid == st.Gid
	switch {
	case mode&0o002 != 0:
		return "everybody may change it"
	case mode&0o020 != 0 && !ownGroup:
		return "its group may change it"
	case private && mode&0o004 != 0:
		return "everybody may read it"
	}
	return ""
}

// protect does nothing: the mode was given when the file was made.
func protect(*os.File) error { return nil }
