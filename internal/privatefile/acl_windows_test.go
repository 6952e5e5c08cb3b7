package privatefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"webproxy/internal/smallfile"
)

// Who has rights that he should not have, by which kind of entry whatever, or as the owner.
func TestFind(t *testing.T) {
	const users, domainUsers, service = "S-1-5-32-545", "S-1-5-21-1-2-3-513", "S-1-5-6"
	for _, tt := range []struct {
		sddl   string
		rights uint32
		dir    bool   // entries count that are only inherited
		want   string // SID of whom is found; empty for nobody
		owner  bool
	}{
		// what we make
		{"O:BA" + sddl(Secret, false), readOrChange, false, "", false},
		{"O:SY" + sddl(Private, true), readOrChange, true, "", false},
		{"O:SYD:P(A;OICIIO;FA;;;CO)(A;;FA;;;SY)", readOrChange, true, "", false},
		{"O:BAD:P(A;;FA;;;S-1-5-21-1-2-3-512)(A;;FA;;;S-1-5-21-1-2-3-519)", readOrChange, false, "", false},
		// everybody, groups of a domain, and the group of all services
		{"O:BAD:P(A;;FR;;;WD)", readOrChange, false, "S-1-1-0", false},
		{"O:BAD:P(A;;FR;;;WD)", change, false, "", false},
		{"O:BAD:P(A;;FW;;;BU)", change, false, users, false},
		{"O:BAD:P(A;;FR;;;" + domainUsers + ")", readOrChange, false, domainUsers, false},
		{"O:BAD:P(A;;FR;;;SU)", readOrChange, false, service, false},
		{"O:BAD:P(A;;FR;;;S-1-5-80-1-2-3-4-5)", readOrChange, false, "S-1-5-80-1-2-3-4-5", false},
		{"O:BAD:P(A;;RCSY;;;WD)", readOrChange, false, "", false},
		{"O:BAD:P(A;;WD;;;BU)", change, false, users, false}, // WRITE_DAC
		// an entry with a condition, one of an object, and one that denies
		{`O:BAD:P(XA;;FR;;;WD;(Member_of {SID(BA)}))`, readOrChange, false, "S-1-1-0", false},
		{"O:BAD:P(OA;;FR;00000000-0000-0000-0000-000000000001;;WD)", readOrChange, false, "S-1-1-0", false},
		{"O:BAD:P(D;;FA;;;WD)", readOrChange, false, "", false},
		// what is only inherited counts for a directory
		{"O:BAD:P(A;OICIIO;FW;;;BU)", change, true, users, false},
		{"O:BAD:P(A;OICIIO;FW;;;BU)", change, false, "", false},
		// further up, those who may only add something can replace nothing
		{"O:BAD:P(A;CI;0x6;;;BU)", replace, false, "", false},
		{"O:BAD:P(A;CI;0x6;;;BU)", change, false, users, false},
		{"O:BAD:P(A;;0x40;;;BU)", replace, false, users, false}, // FILE_DELETE_CHILD
		// the owner may change the list
		{"O:" + domainUsers + "D:P(A;;FA;;;SY)", change, false, domainUsers, true},
		{"O:BUD:P(A;;FA;;;SY)", change, false, users, true},
	} {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		if err != nil {
			t.Logf("%s: not understood here: %v", tt.sddl, err) // wine knows no conditions
			continue
		}
		want := finding{owner: tt.owner}
		if tt.want != "" {
			sid, err := windows.StringToSid(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			want.who = accountName(sid)
		}
		if got, err := newAccounts().find(sd, tt.rights, tt.dir); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", tt.sddl, got, err, want)
		}
	}
}

// A callback entry, as a program can write it where SDDL has no word for it.
func TestCallbackEntry(t *testing.T) {
	sd, err := windows.SecurityDescriptorFromString("O:BAD:P(A;;FR;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	var ace *windows.ACCESS_ALLOWED_ACE
	if err := windows.GetAce(acl, 0, &ace); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[uint8]bool{allowed: true, allowedCallback: true, allowedCompound: true, 0x7f: true, 0x1: false, 0xa: false} {
		ace.Header.AceType = kind
		got, err := newAccounts().find(sd, readOrChange, false)
		if err != nil || (got.who != "") != want {
			t.Errorf("entry of type %#x: %+v, %v; want somebody: %v", kind, got, err, want)
		}
	}
}

func TestServiceSID(t *testing.T) {
	// As `sc.exe showsid TrustedInstaller` prints it.
	if got, want := serviceSID("TrustedInstaller"), "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What this package makes has no problem; a file that everybody may change has one, with a command that corrects it.
func TestMadeAndLoose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site", "audit")
	if err := MkdirAll(dir, Private); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "key")
	if err := Create(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	r := new(smallfile.Reader)
	for path, kind := range map[string]Kind{dir: Private, path: Secret} {
		if found := Loose(r, path, kind); found.Why != "" {
			t.Errorf("%s: %+v, want none", path, found)
		}
	}
	if _, err := Read(path, 100); err != nil {
		t.Errorf("Read of what was made: %v", err)
	}
	open, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	acl, _, err := open.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil); err != nil {
		t.Fatal(err)
	}
	if found := Loose(r, path, Policy); !strings.Contains(found.Why, "may change it") || !strings.Contains(found.Fix, `icacls "`+path+`" /inheritance:r`) {
		t.Errorf("a file that everybody may change: %+v", found)
	}
	if _, err := Read(path, 100); err == nil || !strings.Contains(err.Error(), "may read or change it") || !strings.Contains(err.Error(), path) {
		t.Errorf("Read of a secret that everybody may read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Error(err)
	}
}

// A directory whose maker may change its list is not taken over; one that an administrator made in ProgramData is.
func TestMayReturn(t *testing.T) {
	const inherited = "(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;FA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;0x116;;;BU)" // as ProgramData has it
	for _, tt := range []struct {
		sddl string
		want bool
	}{
		{"O:BAD:" + inherited, false},
		{"O:BA" + sddl(Policy, true), false},
		{"O:SYD:" + inherited, false},
		{"O:S-1-5-21-1-2-3-1001D:" + inherited, true},
		{"O:BAD:(A;OICI;FA;;;S-1-5-21-1-2-3-1001)" + inherited, true},
		{"O:BAD:(A;;0x40000;;;BU)" + inherited, true}, // WRITE_DAC
		{"O:BAD:(A;;0x80000;;;BU)" + inherited, true}, // WRITE_OWNER
	} {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		if err != nil {
			t.Logf("%s: not understood here: %v", tt.sddl, err)
			continue
		}
		if got, err := newAccounts().mayReturn(sd); err != nil || (got != "") != tt.want {
			t.Errorf("%s: %q, %v; want somebody: %v", tt.sddl, got, err, tt.want)
		}
	}
	none, err := windows.NewSecurityDescriptor()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := newAccounts().mayReturn(none); err != nil || got == "" {
		t.Errorf("no list: %q, %v; want everybody", got, err)
	}
}

// What Protect makes is private, and neither a file nor a link is taken for a directory.
func TestProtect(t *testing.T) {
	dir := t.TempDir()
	if err := Protect(dir, Private); err != nil {
		t.Error(err)
	}
	if found := Loose(new(smallfile.Reader), dir, Private); found.Why != "" {
		t.Errorf("after Protect: %+v", found)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Protect(path, Private); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file: %v", err)
	}
	link := filepath.Join(dir, "link")
	os.Symlink(dir, link)                     // not without the right to
	if _, err := os.Lstat(link); err != nil { // so, or wine, which says that it has made one
	} else if err := Protect(link, Private); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("a link: %v", err)
	}
	if err := Protect(filepath.Join(dir, "none"), Private); err == nil {
		t.Error("a directory that is not there")
	}
}
