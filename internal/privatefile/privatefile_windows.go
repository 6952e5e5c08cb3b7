package privatefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Check refuses an open file that others than administrators, the service's account and the account that runs the process may read or
// change: by an entry of its access control list, or as its owner.
func Check(f *os.File) error {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("access control list of %s: %w", f.Name(), err)
	}
	found, err := newAccounts().find(sd, readOrChange, false)
	if err != nil {
		return fmt.Errorf("access control list of %s: %w", f.Name(), err)
	}
	if found.who != "" {
		return fmt.Errorf("%s: %s; let only SYSTEM, Administrators and the service: %s", f.Name(), found.phrase("read or change it"), found.fix(f.Name(), Secret, false))
	}
	return nil
}

func loose(path string, info os.FileInfo, kind Kind) Problem {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return Problem{"who may change it cannot be told: " + err.Error(), ""}
	}
	rights, verb := uint32(change), "change it"
	switch {
	case kind == Ancestor:
		rights, verb = replace, "replace what is in it"
	case kind >= Private:
		rights, verb = readOrChange, "read or change it"
	case info.IsDir():
		verb = "add to it or change it"
	}
	found, err := newAccounts().find(sd, rights, info.IsDir() && kind != Ancestor)
	if err != nil {
		return Problem{"who may change it cannot be told: " + err.Error(), ""}
	}
	if found.who == "" {
		return Problem{}
	}
	return Problem{found.phrase(verb), found.fix(path, kind, info.IsDir())}
}

func fixSecret(path string) string { return finding{}.fix(path, Secret, false) }

// sddl is the security descriptor of a new file or directory, in Microsoft's Security Descriptor Definition Language. Its list is
// protected: it inherits nothing. The owner (OW), SYSTEM (SY) and Administrators (BA) may do everything.
func sddl(kind Kind, dir bool) string {
	inherit, service := "", "FR"
	if dir {
		inherit, service = "OICI", "0x1200a9" // read and traverse
		if kind == Private {
			service = "0x1301bf" // and modify
		}
	}
	s := "D:P"
	for _, a := range [][2]string{{"FA", "OW"}, {"FA", "SY"}, {"FA", "BA"}, {service, serviceSID(Account)}} {
		s += "(A;" + inherit + ";" + a[0] + ";;;" + a[1] + ")"
	}
	return s
}

func attributes(kind Kind, dir bool) (*windows.SecurityAttributes, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl(kind, dir))
	if err != nil {
		return nil, err
	}
	return &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}, nil
}

// createFile makes the file with its access control list: nobody can open it in between.
func createFile(path string, kind Kind) (*os.File, error) {
	sa, err := attributes(kind, false)
	if err != nil {
		return nil, err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ, sa, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

func mkdirAll(path string, kind Kind) error {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: windows.ERROR_DIRECTORY}
		}
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := mkdirAll(parent, kind); err != nil {
			return err
		}
	}
	sa, err := attributes(kind, true)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	if err := windows.CreateDirectory(name, sa); err != nil && !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}
