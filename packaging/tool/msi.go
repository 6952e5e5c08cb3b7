package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// upgradeCode identifies the packages of one program. It never changes.
const upgradeCode = "{0D8E33F3-3C50-5C53-9B5B-4B0F0C4C0B6E}"

// writeMSI writes an MSI: -o FILE -version X.Y.Z[-WORD] PROGRAM LICENSE LICENSES. msibuild and gcab (Debian: msitools, gcab) write the
// database and its cabinet. The contents of the tables are here, so that the same files give the same bytes.
//
// The package puts the program in setup\, where it does not run as a service, so no file is in use at an upgrade. `webproxy service install`
// and `uninstall`, run as SYSTEM, do the rest: they copy the program to its place, and make and remove the service, its
// directories, event source and firewall rule.
func writeMSI(args []string) error {
	flags := flag.NewFlagSet("msi", flag.ContinueOnError)
	out := flags.String("o", "", "`FILE` to write")
	version := flags.String("version", "", "of the program")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || *version == "" || flags.NArg() != 3 {
		return errors.New("want -o FILE, -version X.Y.Z, and the program and two texts")
	}
	dir, err := os.MkdirTemp("", "msi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &installer{dir: dir, version: *version}
	if p.number, err = msiVersion(*version); err != nil {
		return err
	}
	files := []msiFile{
		{key: "Program", component: "Setup", name: "webproxy.exe", from: flags.Arg(0)},
		{key: "License", component: "Texts", name: "LICENSE.txt", from: flags.Arg(1)},
		{key: "Licenses", component: "Texts", name: "THIRDP~1.TXT|THIRD_PARTY_LICENSES.txt", from: flags.Arg(2)},
	}
	if err := p.cabinet(files); err != nil {
		return err
	}
	at, err := sourceTime()
	if err != nil {
		return err
	}
	made := at.Format("2006/01/02 15:04:05")
	tables := append(p.tables(), msiTable{"_SummaryInformation", "PropertyId:i2* Value:l255", [][]string{
		{"1", "1252"}, {"2", "Installation Database"}, {"3", "webproxy " + *version}, {"4", "webproxy"}, {"5", "Installer"},
		{"6", "A forward proxy with an allowlist, for Azure Local behind a closed firewall"}, {"7", "x64;1033"},
		{"9", p.packageCode}, {"12", made}, {"13", made},
		{"14", "500"}, // Windows Installer 5
		{"15", "2"},   // compressed, long names
		{"18", "webproxy"}, {"19", "2"},
	}})
	var imports []string
	for _, t := range tables {
		path := filepath.Join(dir, t.name+".idt")
		text, err := t.text()
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
		imports = append(imports, "-i", path)
	}
	if err := os.Remove(*out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return command("", "msibuild", append([]string{*out, "-a", "webproxy.cab", filepath.Join(dir, "webproxy.cab")}, imports...)...)
}

// An installer is an MSI in the making.
type installer struct {
	dir             string
	version, number string // X.Y.Z-WORD, X.Y.Z
	packageCode     string // differs if any byte differs
	files           [][]string
}

type msiFile struct{ key, component, name, from string }

// msiVersion is the version that Windows Installer compares: three numbers within the limits of ProductVersion.
func msiVersion(version string) (string, error) {
	number, _, _ := strings.Cut(version, "-")
	parts := strings.Split(number, ".")
	limits := []int{255, 255, 65535}
	if len(parts) != len(limits) {
		return "", fmt.Errorf("version %q: want X.Y.Z", version)
	}
	for i, part := range parts {
		if n, err := strconv.Atoi(part); err != nil || n < 0 || n > limits[i] {
			return "", fmt.Errorf("version %q: Windows Installer has room for 255.255.65535", version)
		}
	}
	return number, nil
}

// cabinet writes the files into webproxy.cab, by their keys, and sets p.files and p.packageCode.
func (p *installer) cabinet(files []msiFile) error {
	at, err := sourceTime()
	if err != nil {
		return err
	}
	args := []string{"-c", "-z", "-n", "webproxy.cab"}
	all := sha256.New()
	fmt.Fprintf(all, "%s\n%d\n", p.version, at.Unix())
	for i, f := range files {
		data, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		path := filepath.Join(p.dir, f.key)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(path, at, at); err != nil { // the cabinet has it
			return err
		}
		fmt.Fprintf(all, "%s %x\n", f.key, sha256.Sum256(data))
		args = append(args, f.key)
		const vital = "512"
		p.files = append(p.files, []string{f.key, f.component, f.name, strconv.Itoa(len(data)), "", "", vital, strconv.Itoa(i + 1)})
	}
	p.packageCode = uuid("package", fmt.Sprintf("%x", all.Sum(nil)))
	return command(p.dir, "gcab", args...)
}

// command runs a program, in UTC, because times are written without a zone. Its error includes the output.
func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// Types of custom actions, as Windows Installer numbers them.
const (
	setProperty = "51"   // source: the property; target: its value
	asSystem    = "3106" // 34, a program by its command line; deferred, not as the user
	undo        = "3426" // the same, at a rollback; the exit code is ignored
)

// tables are those of the database. Sequence numbers are those that Microsoft suggests for the standard actions.
func (p *installer) tables() []msiTable {
	const (
		log       = ` --log "[SETUPDIR]install.log"`
		install   = `"[SETUPDIR]webproxy.exe" service install` + log
		uninstall = `"[SETUPDIR]webproxy.exe" service uninstall` + log
		fresh     = "NOT Installed"
		remove    = `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE`
		x64       = "256"
		atRemoval = "2"
	)
	// Values for the configuration; those not given are left out. Answers is a private property: it cannot be set from outside.
	actions := [][]string{{"SetLocation", setProperty, "ARPINSTALLLOCATION", "[PROGRAMDIR]"}}
	sequence := [][]string{{"SetLocation", fresh, "1001"}}
	for i, a := range []struct{ property, argument string }{
		{"CLOUD", ` --cloud "[CLOUD]"`},
		{"REGION", ` --region "[REGION]"`},
		{"RELEASE", ` --release "[RELEASE]"`},
		{"CLIENTS", ` --clients "[CLIENTS]"`},
		{"NOSTART", ` --no-start`},
	} {
		actions = append(actions, []string{"Answer" + a.property, setProperty, "Answers", "[Answers]" + a.argument})
		sequence = append(sequence, []string{"Answer" + a.property, a.property + " AND " + fresh, strconv.Itoa(1010 + i)})
	}
	actions = append(actions,
		[]string{"AnswerPURGE", setProperty, "Purge", " --purge"},
		[]string{"UndoUpgrade", undo, "SETUPDIR", install},
		[]string{"UninstallService", asSystem, "SETUPDIR", uninstall + "[Purge]"},
		[]string{"UndoInstall", undo, "SETUPDIR", uninstall},
		[]string{"InstallService", asSystem, "SETUPDIR", install + "[Answers]"},
	)
	search := [][]string{
		{"AppSearch", "", "20"}, {"FindRelatedProducts", "", "25"}, {"LaunchConditions", "", "100"}, {"ValidateProductID", "", "700"},
		{"CostInitialize", "", "800"}, {"FileCost", "", "900"}, {"CostFinalize", "", "1000"},
	}
	sequence = append(append(search[:len(search):len(search)], sequence...), [][]string{
		{"AnswerPURGE", "PURGE", "1020"},
		{"MigrateFeatureStates", "", "1200"}, {"InstallValidate", "", "1400"}, {"InstallInitialize", "", "1500"},
		// Rolled back last, when the files of the older release are restored: its program is installed again.
		{"UndoUpgrade", "OLDER", "1505"},
		{"RemoveExistingProducts", "", "1510"},
		{"ProcessComponents", "", "1600"}, {"UnpublishFeatures", "", "1800"}, {"RemoveEnvironmentStrings", "", "3300"},
		{"UninstallService", remove, "3400"},
		{"RemoveFiles", "", "3500"}, {"RemoveFolders", "", "3600"}, {"CreateFolders", "", "3700"}, {"InstallFiles", "", "4000"},
		{"UndoInstall", fresh + " AND NOT OLDER AND NOT PRESENT", "4010"},
		{"InstallService", "NOT REMOVE", "4020"},
		{"WriteEnvironmentStrings", "", "5200"}, {"RegisterUser", "", "6000"}, {"RegisterProduct", "", "6100"},
		{"PublishFeatures", "", "6300"}, {"PublishProduct", "", "6400"}, {"InstallFinalize", "", "6600"},
	}...)
	const inSequence = "Action:s72* Condition:S255 Sequence:I2"
	return []msiTable{
		{"Property", "Property:s72* Value:l0", [][]string{
			{"ProductCode", uuid("product", p.version)}, {"ProductName", "webproxy"}, {"ProductVersion", p.number}, {"ProductLanguage", "1033"},
			{"Manufacturer", "webproxy"}, {"UpgradeCode", upgradeCode}, {"ALLUSERS", "1"}, {"ARPNOMODIFY", "1"},
			{"ARPCOMMENTS", "webproxy " + p.version + ". Removal leaves the audit log, its key and an edited configuration, unless PURGE=1."},
			{"REINSTALLMODE", "amus"}, // every file, whatever its date
			{"SecureCustomProperties", "NEWER;OLDER;PRESENT"},
		}},
		{"Directory", "Directory:s72* Directory_Parent:S72 DefaultDir:l255", [][]string{
			{"TARGETDIR", "", "SourceDir"}, {"ProgramFiles64Folder", "TARGETDIR", "."},
			{"PROGRAMDIR", "ProgramFiles64Folder", "webproxy"}, {"SETUPDIR", "PROGRAMDIR", "setup"},
		}},
		{"Component", "Component:s72* ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72", [][]string{
			{"Setup", "{B0C4DDA6-4D5C-5AB3-8C9A-0D3A0B3F9D11}", "SETUPDIR", x64, "", "Program"},
			{"Texts", "{5A1C9F0E-6E2B-5C0B-9D7E-2F7B1C8E4A22}", "PROGRAMDIR", x64, "", "License"},
		}},
		{"File", "File:s72* Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i2", p.files},
		{"Media", "DiskId:i2* LastSequence:i2 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72", [][]string{
			{"1", strconv.Itoa(len(p.files)), "", "#webproxy.cab", "", ""},
		}},
		{"Feature", "Feature:s38* Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 Attributes:i2", [][]string{
			{"Main", "", "webproxy", "The proxy, as a service", "1", "1", "", "0"},
		}},
		{"FeatureComponents", "Feature_:s38* Component_:s72*", [][]string{{"Main", "Setup"}, {"Main", "Texts"}}},
		{"Environment", "Environment:s72* Name:l255 Value:L255 Component_:s72", [][]string{
			{"Path", "=-*PATH", "[~];[PROGRAMDIR]", "Texts"}, // of the machine
		}},
		{"RemoveFile", "FileKey:s72* Component_:s72 FileName:L255 DirProperty:s72 InstallMode:i2", [][]string{
			{"Log", "Setup", "install.log", "SETUPDIR", atRemoval},
			{"SetupDir", "Setup", "", "SETUPDIR", atRemoval}, {"ProgramDir", "Texts", "", "PROGRAMDIR", atRemoval},
		}},
		// PRESENT is the command line of an existing service, such as one from a zip: a failed installation must not remove it.
		{"AppSearch", "Property:s72* Signature_:s72*", [][]string{{"PRESENT", "Service"}}},
		{"RegLocator", "Signature_:s72* Root:i2 Key:s255 Name:S255 Type:I2", [][]string{
			{"Service", "2", `SYSTEM\CurrentControlSet\Services\webproxy`, "ImagePath", "18"}, // HKLM; a value, 64-bit registry
		}},
		{"Upgrade", "UpgradeCode:s38* VersionMin:S20* VersionMax:S20* Language:S255* Attributes:i4* Remove:S255 ActionProperty:s72", [][]string{
			// Inclusive, because X.Y.Z comes after X.Y.Z-WORD, and both have the same number here.
			{upgradeCode, "0.0.0", p.number, "", "768", "", "OLDER"},
			{upgradeCode, p.number, "", "", "2", "", "NEWER"}, // detected only
		}},
		{"LaunchCondition", "Condition:s255* Description:l255", [][]string{{"NOT NEWER", "A newer webproxy is installed. Remove it first."}}},
		{"CustomAction", "Action:s72* Type:i2 Source:S72 Target:S255", actions},
		{"ActionText", "Action:s72* Description:L64 Template:L128", [][]string{
			{"InstallService", "Installing the service", ""}, {"UninstallService", "Removing the service", ""},
		}},
		{"InstallExecuteSequence", inSequence, sequence},
		{"InstallUISequence", inSequence, append(search[:len(search):len(search)], []string{"ExecuteAction", "", "1300"})},
	}
}

// An msiTable is a table of the database. Its columns are NAME:TYPE, as an .idt file has them, with a * after those of the primary key.
type msiTable struct {
	name, columns string
	rows          [][]string
}

// text is the table as an .idt file.
func (t msiTable) text() ([]byte, error) {
	var names, types, keys []string
	for _, column := range strings.Fields(t.columns) {
		name, kind, _ := strings.Cut(column, ":")
		kind, key := strings.CutSuffix(kind, "*")
		names, types = append(names, name), append(types, kind)
		if key {
			keys = append(keys, name)
		}
	}
	var b bytes.Buffer
	line := func(cells []string) { fmt.Fprintf(&b, "%s\r\n", strings.Join(cells, "\t")) }
	line(names)
	line(types)
	line(append([]string{t.name}, keys...))
	for _, row := range t.rows {
		if len(row) != len(names) || strings.ContainsAny(strings.Join(row, ""), "\t\r\n") {
			return nil, fmt.Errorf("table %s: row %q", t.name, row)
		}
		line(row)
	}
	return b.Bytes(), nil
}

// writeUUID prints a code of the MSI: "product VERSION" or "upgrade".
func writeUUID(args []string) error {
	code := upgradeCode
	switch {
	case len(args) == 2 && args[0] == "product":
		code = uuid(args...)
	case len(args) != 1 || args[0] != "upgrade":
		return errors.New("want product VERSION, or upgrade")
	}
	_, err := fmt.Println(code)
	return err
}

// uuid is a UUID of the words, by SHA-1 (RFC 9562, version 5).
func uuid(words ...string) string {
	h := sha1.New()
	h.Write([]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}) // the namespace of DNS names
	fmt.Fprintf(h, "webproxy %s", strings.Join(words, " "))
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("{%X-%X-%X-%X-%X}", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
