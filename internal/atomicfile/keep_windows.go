package atomicfile

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// createLike makes the file that is to replace path, with the access control list of the old file, if there is one: whoever may not read the
// one cannot read the other at any time. A new file inherits the directory's.
func createLike(path string, old fs.FileInfo) (*os.File, error) {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()+".tmp")
	name, err := windows.UTF16PtrFromString(temp)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: temp, Err: err}
	}
	var sa *windows.SecurityAttributes
	if old != nil {
		sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			return nil, &fs.PathError{Op: "read access control list of", Path: path, Err: err}
		}
		sa = &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, sa, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: temp, Err: err}
	}
	return os.NewFile(uintptr(h), temp), nil
}

// keepOwner leaves the owner as it is: only administrators may give files away, and theirs belong to the group Administrators.
func keepOwner(_ *os.File, old fs.FileInfo) fs.FileMode { return old.Mode().Perm() }
