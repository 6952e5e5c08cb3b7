package privatefile

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows"
)

// Protect gives a directory that is there to Administrators, with the access control list that MkdirAll would have made it with. What is
// in it inherits that.
//
// It refuses a directory whose access control list somebody who is not trusted may change, as its owner or by an entry: he may have it open
// already, and a handle keeps that right. It refuses a link or a junction too, and follows none: the list would go to what it leads to.
func Protect(path string, kind Kind) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	// Not MAXIMUM_ALLOWED: with that, SetSecurityInfo does not change what is in the directory.
	const access = windows.READ_CONTROL | windows.WRITE_DAC | windows.WRITE_OWNER | windows.FILE_LIST_DIRECTORY | windows.FILE_READ_ATTRIBUTES
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer windows.CloseHandle(h)
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 || info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY == 0 {
		return fmt.Errorf("%s is a link or a file, and not a directory: remove it", path)
	}
	present, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("access control list of %s: %w", path, err)
	}
	if why, err := newAccounts().mayReturn(present); err != nil || why != "" {
		if err != nil {
			return fmt.Errorf("access control list of %s: %w", path, err)
		}
		return fmt.Errorf("%[1]s: %[2]s, also after this: if an administrator wanted that, undo it first, by icacls \"%[1]s\" /remove ACCOUNT or "+
			"/setowner *S-1-5-32-544; if not, move what is yours elsewhere, and remove the directory", path, why)
	}
	sd, err := windows.SecurityDescriptorFromString("O:BA" + sddl(kind, true))
	if err != nil {
		return err
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return err
	}
	return windows.SetSecurityInfo(h, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, owner, nil, acl, nil)
}

// mayReturn says who, of those that are not trusted, may have a handle that changes the access control list sd whatever is in it later;
// empty for nobody.
func (a accounts) mayReturn(sd *windows.SECURITY_DESCRIPTOR) (string, error) {
	found, err := a.find(sd, takeover, false)
	if err != nil || found.who == "" {
		return "", err
	}
	return found.phrase("change who has access"), nil
}
