package privatefile

import "golang.org/x/sys/windows"

// Protect gives a directory that is there to Administrators, with the access control list that MkdirAll would have made it with. What is
// in it inherits that.
func Protect(path string, kind Kind) error {
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
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, owner, nil, acl, nil)
}
