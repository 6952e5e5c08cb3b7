package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licenseFile matches the names of licence files.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|copyright|notice|patents)([.-].*)?$`)

// writeLicenses writes to the file args[0] the licences of every module in the binaries that follow, and of Go itself. The modules are read
// from the binaries, so none is missing; a module without a licence file is an error.
func writeLicenses(args []string) error {
	if len(args) < 2 {
		return errors.New("want FILE and BINARY")
	}
	dirs := map[string]string{} // by module@version
	var goVersion string
	for _, binary := range args[1:] {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return err
		}
		goVersion = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			dirs[m.Path+"@"+m.Version] = ""
		}
	}
	names := make([]string, 0, len(dirs))
	for name := range dirs {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	fmt.Fprintf(&b, "webproxy contains code of the projects below, under the terms printed after each name.\n")
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if err := terms(&b, "Go "+goVersion, strings.TrimSpace(string(goroot))); err != nil {
		return err
	}
	for _, name := range names {
		dir, err := moduleDir(name)
		if err != nil {
			return err
		}
		if err := terms(&b, name, dir); err != nil {
			return err
		}
	}
	return os.WriteFile(args[0], b.Bytes(), 0o644)
}

// moduleDir is where the module is in the module cache.
func moduleDir(name string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); err != nil || jsonErr != nil || m.Dir == "" {
		return "", fmt.Errorf("%s: %w: %s", name, errors.Join(err, jsonErr), m.Error)
	}
	return m.Dir, nil
}

// terms appends the licence files in dir.
func terms(b *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenseFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = found || !regexp.MustCompile(`(?i)^(notice|patents)`).MatchString(e.Name())
		rule := strings.Repeat("=", 80)
		fmt.Fprintf(b, "\n%s\n%s, %s\n%s\n\n%s\n", rule, name, e.Name(), rule, bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	}
	if !found {
		return fmt.Errorf("%s has no file of terms in %s", name, dir)
	}
	return nil
}
