package audit

import "os"

// openOwn opens a file that the log writes, which must therefore be its own: a regular file by that very name. A
// symbolic link would redirect the writes (CWE-59). flag and perm are those of os.OpenFile. On Windows only
// administrators may make links, so it is enough to check before opening.
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

// giveToOwner does nothing: a file belongs to its creator, and the directory's access control list decides about
// access.
func giveToOwner(*os.File, string) error { return nil }
