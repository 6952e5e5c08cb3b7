package audit

import "os"

// openOwn opens a file that the log writes, and that therefore must be its own: a regular file by that very name. A
// symbolic link would lead the writes elsewhere (CWE-59). flag and perm are those of os.OpenFile. Who may make
// links on Windows is an administrator, so it is enough to look before.
func openOwn(path string, flag int, perm os.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notOwn(path, info.Mode())
	}
	f, err := os.OpenFile(path, flag, perm)
	if err != nil {
		return nil, err
	}
	return onlyRegular(f, path)
}

// giveToOwner does nothing: files belong to who makes them, and the directory's access control list says who may what.
func giveToOwner(*os.File, string) error { return nil }
