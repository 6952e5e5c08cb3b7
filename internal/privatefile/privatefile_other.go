//go:build !windows

package privatefile

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Check refuses an open file that others than its owner may read or write, and one whose owner is neither root, nor the
// user that the process or the service runs as. A file that belongs to another of these may let its group read it: that is how a
// service is given a key of which it is not the owner.
func Check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode, refused := info.Mode().Perm(), os.FileMode(0o077)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if !trusted(st.Uid) {
			return fmt.Errorf("%s belongs to %s, who may read and change it; chown it to root or to the user that runs webproxy", f.Name(), userName(st.Uid))
		}
		if int(st.Uid) != os.Geteuid() {
			refused = 0o037
		}
	}
	if mode&refused != 0 {
		return fmt.Errorf("%s has mode %04o: others may read or change it; chmod 600 it", f.Name(), mode)
	}
	return nil
}

// loose takes a group with the number of the owner for the owner's own. In a sticky directory, such as /tmp, others can add files
// and change none: that is fine further up, and not where a file that they add counts.
func loose(path string, info os.FileInfo, kind Kind) Problem {
	mode := info.Mode().Perm()
	sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0
	if sticky && kind == Ancestor {
		mode &^= 0o022
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	ownGroup := ok && (st.Uid == st.Gid || st.Gid == 0)
	change := "change it"
	if sticky {
		change = "add files to it"
	}
	fix := "chmod go-w " + path
	if kind >= Private {
		fix = "chmod o-rwx,g-w " + path
	}
	switch {
	case mode&0o002 != 0:
		return Problem{"everybody may " + change, fix}
	case mode&0o020 != 0 && !ownGroup:
		return Problem{"its group may " + change, fix}
	case kind >= Private && mode&0o004 != 0:
		return Problem{"everybody may read it", fix}
	case ok && !trusted(st.Uid):
		return Problem{"it belongs to " + userName(st.Uid) + ", who may change it", "chown root " + path}
	}
	return Problem{}
}

func fixSecret(path string) string { return "chmod 600 " + path }

// trusted reports whether the user may change what the process reads: root, the user that runs it, and the service's.
func trusted(uid uint32) bool {
	if uid == 0 || int(uid) == os.Geteuid() {
		return true
	}
	u, err := user.Lookup(Account)
	return err == nil && u.Uid == strconv.FormatUint(uint64(uid), 10)
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return "user " + u.Username
	}
	return "user " + id
}

// createFile lets the group read a secret in a directory whose set-group-ID bit says that what is made there is the group's: that is how
// the service is given what root makes in its configuration's directory.
func createFile(path string, kind Kind) (*os.File, error) {
	perm := os.FileMode(0o600)
	switch {
	case kind == Policy:
		perm = 0o644
	case ofGroup(filepath.Dir(path)):
		perm = 0o640
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(perm); err != nil { // the umask of a service is no reason to hide a policy
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// ofGroup reports whether root makes files in dir for its group.
func ofGroup(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && os.Geteuid() == 0 && info.Mode()&os.ModeSetgid != 0 && info.Mode().Perm()&0o022 == 0
}

func mkdirAll(path string, kind Kind) error {
	perm := map[Kind]os.FileMode{Ancestor: 0o755, Policy: 0o755, Private: 0o750, Secret: 0o700}[kind]
	if _, err := os.Stat(path); err == nil || !ofGroup(filepath.Dir(filepath.Clean(path))) {
		return os.MkdirAll(path, perm)
	}
	if err := os.Mkdir(path, 0o750); err != nil {
		return err
	}
	return os.Chmod(path, 0o750|os.ModeSetgid)
}
