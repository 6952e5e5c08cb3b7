package privatefile

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// anybody are the groups that whoever is at the machine, or logs on to it, belongs to.
var anybody = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinWorldSid,
	windows.WinAuthenticatedUserSid,
	windows.WinBuiltinUsersSid,
	windows.WinBuiltinGuestsSid,
	windows.WinAnonymousSid,
	windows.WinInteractiveSid,
	windows.WinNetworkSid,
}

// harmless are the rights that tell nothing of the contents and change nothing.
const harmless = windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_ATTRIBUTES | windows.FILE_READ_EA

// Check refuses an open file whose access control list lets a group of many read or change it.
func Check(f *os.File) error {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("access control list of %s: %w", f.Name(), err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("access control list of %s: %w", f.Name(), err)
	}
	if acl == nil {
		return fmt.Errorf("%s has no access control list: everybody may read it", f.Name())
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return fmt.Errorf("access control list of %s: %w", f.Name(), err)
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Mask&^harmless == 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		for _, kind := range anybody {
			if sid.IsWellKnown(kind) {
				return fmt.Errorf("%s: %s may read or change it; let only its owner, SYSTEM and Administrators: icacls %q /inheritance:r /grant:r *S-1-3-4:F *S-1-5-18:F *S-1-5-32-544:F",
					f.Name(), sid, f.Name())
			}
		}
	}
	return nil
}

// loose says nothing yet: access control lists are looked at for secrets only, by Check.
func loose(os.FileInfo, bool) string { return "" }

// ownersOnly lets the owner, SYSTEM and Administrators do everything, and inherits nothing.
const ownersOnly = "D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)"

// protect sets the access control list of a file that was just made: the directory's may let
// everybody in.
func protect(f *os.File) error {
	sd, err := windows.SecurityDescriptorFromString(ownersOnly)
	if err != nil {
		return err
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(f.Name(), windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
}
