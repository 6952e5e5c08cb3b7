package privatefile

import (
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights in an access control entry, as masks.
const (
	// takeover are the rights to get all others: to change the list or the owner.
	takeover = windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_ALL
	// replace are the rights on a directory to rename or delete it or its content.
	replace = takeover | windows.DELETE | fileDeleteChild
	// change are the rights to change a file, or the names in a directory.
	change = replace | windows.GENERIC_WRITE | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA
	// readOrChange are all rights except those that neither read nor change the contents.
	readOrChange = ^uint32(windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_ATTRIBUTES | windows.FILE_READ_EA | fileTraverse)

	fileTraverse    = 0x20 // FILE_TRAVERSE of a directory, FILE_EXECUTE of a file
	fileDeleteChild = 0x40
)

// The types of entries that allow something, [MS-DTYP] 2.4.4.1. The callback types have a condition, which is taken as met.
const (
	allowed               = 0x0
	allowedCompound       = 0x4
	allowedObject         = 0x5
	allowedCallback       = 0x9
	allowedCallbackObject = 0xb
)

// denying are the types that deny rights. They are ignored, although they may restrict others.
var denying = map[uint8]bool{0x1: true, 0x6: true, 0xa: true, 0xc: true}

// accounts are those that are trusted with all rights.
type accounts map[string]bool

func newAccounts() accounts {
	a := accounts{
		"S-1-5-18":          true, // SYSTEM
		"S-1-5-32-544":      true, // Administrators
		"S-1-3-0":           true, // CREATOR OWNER: who could create something is in another entry
		"S-1-3-4":           true, // OWNER RIGHTS: the owner is checked by itself
		serviceSID(Account): true,
		"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464": true, // TrustedInstaller
	}
	if u, err := windows.GetCurrentProcessToken().GetTokenUser(); err == nil {
		a[u.User.Sid.String()] = true
	}
	return a
}

// domainAdministrators are Domain Admins and Enterprise Admins of any domain: members of Administrators on its machines.
var domainAdministrators = regexp.MustCompile(`^S-1-5-21-\d+-\d+-\d+-(512|519)$`)

func (a accounts) trusts(sid *windows.SID) bool {
	s := sid.String()
	return a[s] || domainAdministrators.MatchString(s)
}

// A finding is an account with rights that it should not have; the zero finding is nobody.
type finding struct {
	who   string
	owner bool // as the owner, who may change the list
}

func (f finding) phrase(verb string) string {
	if f.owner {
		return fmt.Sprintf("it belongs to %s, who may %s", f.who, verb)
	}
	return f.who + " may " + verb
}

// find looks for somebody in sd who is not trusted and has one of the rights. If inheritable, entries count too that only what is
// made in the directory later will have.
func (a accounts) find(sd *windows.SECURITY_DESCRIPTOR, rights uint32, inheritable bool) (finding, error) {
	acl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && acl == nil {
		return finding{who: "everybody, for want of an access control list,"}, nil
	}
	if err != nil {
		return finding{}, err
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return finding{}, err
		}
		if denying[ace.Header.AceType] || uint32(ace.Mask)&rights == 0 || !inheritable && ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid := holder(ace)
		if sid == nil {
			return finding{who: fmt.Sprintf("somebody by an entry of type %d", ace.Header.AceType)}, nil
		}
		if !a.trusts(sid) {
			return finding{who: accountName(sid)}, nil
		}
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return finding{}, err
	}
	if owner != nil && !a.trusts(owner) {
		return finding{who: accountName(owner), owner: true}, nil
	}
	return finding{}, nil
}

// holder is the account that an entry gives rights to; nil if the layout of its type is not known.
func holder(ace *windows.ACCESS_ALLOWED_ACE) *windows.SID {
	offset := unsafe.Offsetof(ace.SidStart)
	switch ace.Header.AceType {
	case allowed, allowedCallback:
	case allowedObject, allowedCallbackObject: // flags, and a GUID for each of the two lowest that is set, stand before the SID
		flags := *(*uint32)(unsafe.Add(unsafe.Pointer(ace), offset))
		offset += 4
		for _, present := range []uint32{1, 2} {
			if flags&present != 0 {
				offset += 16
			}
		}
	default: // allowedCompound too: nothing makes such entries
		return nil
	}
	if offset+8 > uintptr(ace.Header.AceSize) {
		return nil
	}
	sid := (*windows.SID)(unsafe.Add(unsafe.Pointer(ace), offset))
	if !sid.IsValid() || offset+uintptr(sid.Len()) > uintptr(ace.Header.AceSize) {
		return nil
	}
	return sid
}

// accountName is the account as people know it, or its SID.
func accountName(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	switch {
	case err != nil || account == "":
		return sid.String()
	case domain == "":
		return account
	}
	return domain + `\` + account
}

// serviceSID is the SID of the virtual account NT SERVICE\name, whether there is such a service or not: the SHA-1 of the
// name in upper case, in UTF-16, as five numbers.
func serviceSID(name string) string {
	var text []byte
	for _, u := range utf16.Encode([]rune(strings.ToUpper(name))) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	sum := sha1.Sum(text)
	sid := "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}

// fix is the command line for an administrator. It takes in the service's account if the service is installed.
func (f finding) fix(path string, kind Kind, dir bool) string {
	if f.owner {
		return `icacls "` + path + `" /setowner *S-1-5-32-544`
	}
	if kind == Ancestor {
		return `icacls "` + path + `" (take away the right to delete, or move the files elsewhere)`
	}
	inherit, service := "", "R"
	if dir {
		inherit, service = "(OI)(CI)", "RX"
		if kind == Private {
			service = "M"
		}
	}
	line := `icacls "` + path + `" /inheritance:r /grant:r "*S-1-5-18:` + inherit + `F" "*S-1-5-32-544:` + inherit + `F"`
	account := `NT SERVICE\` + Account
	if _, _, _, err := windows.LookupSID("", account); err == nil {
		return line + ` "` + account + `:` + inherit + service + `"`
	}
	if u, err := windows.GetCurrentProcessToken().GetTokenUser(); err == nil {
		line += ` "*` + u.User.Sid.String() + `:` + inherit + `F"`
	}
	return line
}
