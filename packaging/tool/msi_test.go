package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func table(t *testing.T, all []msiTable, name string) msiTable {
	t.Helper()
	for _, table := range all {
		if table.name == name {
			return table
		}
	}
	t.Fatalf("no table %s", name)
	return msiTable{}
}

// column returns the cells of a column, by row.
func (t msiTable) column(name string) (cells []string) {
	for i, column := range strings.Fields(t.columns) {
		if strings.HasPrefix(column, name+":") {
			for _, row := range t.rows {
				cells = append(cells, row[i])
			}
		}
	}
	return cells
}

// testFiles are those of an MSI, with a program that is none.
var testFiles = [][]string{
	{"Program", "Setup", "webproxy.exe", "7", "", "", "512", "1"},
	{"License", "Texts", "LICENSE.txt", "7", "", "", "512", "2"},
}

// Every row fits its table, keys are unique, and what rows refer to is there.
func TestTables(t *testing.T) {
	p := &installer{version: "1.2.3-rc1", number: "1.2.3", files: testFiles}
	all := p.tables()
	for _, table := range all {
		if _, err := table.text(); err != nil {
			t.Error(err)
		}
		keys := map[string]bool{}
		for _, row := range table.rows {
			var key []string
			for i, column := range strings.Fields(table.columns) {
				if strings.HasSuffix(column, "*") {
					key = append(key, row[i])
				}
				// N of a string is the most characters; small letters want a value.
				_, kind, _ := strings.Cut(strings.TrimSuffix(column, "*"), ":")
				most, err := strconv.Atoi(kind[1:])
				if err != nil {
					t.Fatalf("%s: column %s", table.name, column)
				}
				if strings.ContainsAny(kind[:1], "sSlL") && most > 0 && len(row[i]) > most {
					t.Errorf("%s: %s of %d characters, room for %d", table.name, column, len(row[i]), most)
				}
				if _, err := strconv.Atoi(row[i]); strings.ContainsAny(kind[:1], "iI") && err != nil && (row[i] != "" || kind[0] == 'i') {
					t.Errorf("%s: %q in column %s is no number", table.name, row[i], column)
				}
				if row[i] == "" && strings.ContainsAny(kind[:1], "sl") && !strings.HasPrefix(column, "Value") && !strings.HasSuffix(column, "*") {
					t.Errorf("%s: nothing in column %s of %q", table.name, column, row)
				}
			}
			if k := strings.Join(key, "\t"); keys[k] {
				t.Errorf("%s: two rows %q", table.name, k)
			} else {
				keys[k] = true
			}
		}
	}
	for _, r := range []struct{ from, column, to, key string }{
		{"Component", "Directory_", "Directory", "Directory"}, {"Component", "KeyPath", "File", "File"}, {"File", "Component_", "Component", "Component"},
		{"FeatureComponents", "Feature_", "Feature", "Feature"}, {"FeatureComponents", "Component_", "Component", "Component"},
		{"Environment", "Component_", "Component", "Component"}, {"RemoveFile", "Component_", "Component", "Component"},
		{"RemoveFile", "DirProperty", "Directory", "Directory"}, {"AppSearch", "Signature_", "RegLocator", "Signature_"},
	} {
		there := table(t, all, r.to).column(r.key)
		for _, name := range table(t, all, r.from).column(r.column) {
			if !slices.Contains(there, name) {
				t.Errorf("%s.%s: %s does not have %q", r.from, r.column, r.to, name)
			}
		}
	}
	// Every component is of a feature, and all actions of ours are in the sequence.
	sequence := table(t, all, "InstallExecuteSequence").column("Action")
	for _, name := range table(t, all, "CustomAction").column("Action") {
		if !slices.Contains(sequence, name) {
			t.Errorf("%s is never run", name)
		}
	}
	for _, name := range table(t, all, "Component").column("Component") {
		if !slices.Contains(table(t, all, "FeatureComponents").column("Component_"), name) {
			t.Errorf("component %s is of no feature", name)
		}
	}
	if last := table(t, all, "Media").column("LastSequence"); last[0] != strconv.Itoa(len(testFiles)) {
		t.Errorf("the medium ends with file %s of %d", last[0], len(testFiles))
	}
}

// The order of the actions is what makes an upgrade and its undoing work.
func TestSequence(t *testing.T) {
	table := table(t, (&installer{version: "1.2.3", number: "1.2.3"}).tables(), "InstallExecuteSequence")
	at := map[string]int{}
	numbers := table.column("Sequence")
	for i, action := range table.column("Action") {
		n, err := strconv.Atoi(numbers[i])
		if err != nil {
			t.Fatal(err)
		}
		at[action] = n
	}
	for _, pair := range [][2]string{
		{"AppSearch", "LaunchConditions"}, {"FindRelatedProducts", "LaunchConditions"},
		{"AnswerCLOUD", "InstallService"}, {"AnswerREGION", "InstallService"}, {"AnswerCLIENTS", "InstallService"}, {"AnswerNOSTART", "InstallService"},
		{"AnswerPURGE", "UninstallService"},
		{"InstallInitialize", "UndoUpgrade"}, {"UndoUpgrade", "RemoveExistingProducts"}, // undone last
		{"RemoveExistingProducts", "InstallFiles"},
		{"UninstallService", "RemoveFiles"}, // the program that does it must be there
		{"InstallFiles", "UndoInstall"}, {"UndoInstall", "InstallService"}, {"InstallService", "InstallFinalize"},
	} {
		if at[pair[0]] == 0 || at[pair[0]] >= at[pair[1]] {
			t.Errorf("%s at %d, %s at %d: want it before", pair[0], at[pair[0]], pair[1], at[pair[1]])
		}
	}
	conditions := map[string]string{}
	for i, action := range table.column("Action") {
		conditions[action] = table.column("Condition")[i]
	}
	// The removal that is part of an upgrade must leave the service alone, and the first install of a product must not undo an older one.
	if got := conditions["UninstallService"]; got != `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE` {
		t.Errorf("UninstallService if %s", got)
	}
	if got := conditions["UndoInstall"]; got != "NOT Installed AND NOT OLDER AND NOT PRESENT" {
		t.Errorf("UndoInstall if %s", got)
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3": "1.2.3", "1.2.3-rc1": "1.2.3", "255.255.65535": "255.255.65535",
		"1.2": "", "1.2.3.4": "", "256.0.0": "", "0.256.0": "", "0.0.65536": "", "a.b.c": "", "-1.0.0": "", "": "",
	} {
		if got, err := msiVersion(version); got != want || (err == nil) != (want != "") {
			t.Errorf("msiVersion(%q) = %q, %v; want %q", version, got, err, want)
		}
	}
	// Windows Installer takes a new product code for another product: that of a version stays as it was.
	if got, want := uuid("product", "1.2.3"), "{A8760B14-6211-5C7A-8916-24A97470DB3F}"; got != want {
		t.Errorf("the product code of 1.2.3 is %s, was %s", got, want)
	}
	if uuid("product", "1.2.3") == uuid("product", "1.2.3-rc1") {
		t.Error("two versions with one product code")
	}
}

// A cell that would begin another one or another row is refused, and so is a row that does not fit.
func TestTableText(t *testing.T) {
	for _, row := range [][]string{{"a\tb", "c"}, {"a", "b\r\nc"}, {"a", "b\nc"}, {"a"}, {"a", "b", "c"}} {
		if text, err := (msiTable{"T", "A:s1* B:s1", [][]string{row}}).text(); err == nil {
			t.Errorf("row %q: %q", row, text)
		}
	}
	text, err := msiTable{"T", "A:s72* B:I2", [][]string{{"a", "1"}}}.text()
	if want := "A\tB\r\ns72\tI2\r\nT\tA\r\na\t1\r\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
}

// The same files give the same bytes; another byte in the program gives another package code; and what msiinfo reads is what was written.
func TestMSI(t *testing.T) {
	for _, name := range []string{"msibuild", "gcab", "msiinfo"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	build := func(version, program string) (path string, text []byte) {
		dir := t.TempDir()
		args := []string{"-o", filepath.Join(dir, "webproxy.msi"), "-version", version}
		for name, text := range map[string]string{"program": program, "license": "license\n", "licenses": "licenses\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeMSI(append(args, filepath.Join(dir, "program"), filepath.Join(dir, "license"), filepath.Join(dir, "licenses"))); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(args[1])
		if err != nil {
			t.Fatal(err)
		}
		return args[1], text
	}
	path, one := build("1.2.3", "program\n")
	if _, two := build("1.2.3", "program\n"); !bytes.Equal(one, two) {
		t.Error("the same files, other bytes")
	}
	info := func(args ...string) string {
		out, err := exec.Command("msiinfo", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("msiinfo %q: %v: %s", args, err, out)
		}
		return strings.ReplaceAll(string(out), "\r", "")
	}
	// The time of files in the cabinet, as MS-DOS has it: 2023-11-14 22:13:20.
	if cabinet := info("extract", path, "webproxy.cab"); strings.Count(cabinet, "\x6e\x57\xaa\xb1") != 3 {
		t.Errorf("%d files in the cabinet have the time of SOURCE_DATE_EPOCH, want 3", strings.Count(cabinet, "\x6e\x57\xaa\xb1"))
	}
	other, _ := build("1.2.3", "another\n")
	if a, b := info("suminfo", path), info("suminfo", other); a == b || !strings.Contains(a, "Template: x64;1033") {
		t.Errorf("the summary of one program and of another:\n%s%s", a, b)
	}
	p := &installer{version: "1.2.3", number: "1.2.3", files: [][]string{
		{"Program", "Setup", "webproxy.exe", "8", "", "", "512", "1"},
		{"License", "Texts", "LICENSE.txt", "8", "", "", "512", "2"},
		{"Licenses", "Texts", "THIRDP~1.TXT|THIRD_PARTY_LICENSES.txt", "9", "", "", "512", "3"},
	}}
	lines := func(text string) []string {
		all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(all) < 3 {
			t.Fatalf("no table: %q", text)
		}
		slices.Sort(all[3:]) // msiinfo prints rows in the order of their keys' numbers
		return all
	}
	for _, table := range p.tables() {
		text, err := table.text()
		if err != nil {
			t.Fatal(err)
		}
		got, want := lines(info("export", path, table.name)), lines(strings.ReplaceAll(string(text), "\r", ""))
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", table.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
