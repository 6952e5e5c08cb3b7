package install

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/config"
)

// What was installed below a directory is removed without a trace; a configuration that was edited stays, unless all is to go.
func TestInstallUninstall(t *testing.T) {
	for _, tt := range []struct {
		edit, purge bool
		want        string // files that stay
	}{
		{false, false, ""},
		{true, false, "etc/webproxy/webproxy.yaml"},
		{true, true, ""},
	} {
		root := t.TempDir()
		o := Options{Root: root, Purge: tt.purge, Config: config.InitParams{Region: "eastus"}}
		run(t, Install, o)
		run(t, Install, o) // an upgrade
		for _, part := range Status(o) {
			if !part.OK {
				t.Errorf("after install: %+v", part)
			}
		}
		path := filepath.Join(root, "etc/webproxy/webproxy.yaml")
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "/var/log/webproxy/audit") || !strings.Contains(string(text), "eastus") {
			t.Fatalf("%s: %s, %v", path, text, err)
		}
		if _, err := config.Load(path); err != nil {
			t.Error(err)
		}
		unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/webproxy.service"))
		if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/local/bin/webproxy serve") {
			t.Errorf("unit: %s, %v", unit, err)
		}
		if tt.edit {
			if err := os.WriteFile(path, append(text, "# edited\n"...), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		run(t, Uninstall, o)
		if got := strings.Join(regularFiles(t, root), " "); got != tt.want {
			t.Errorf("edited %v, purge %v: left %q, want %q", tt.edit, tt.purge, got, tt.want)
		}
	}
}

// A dry run does nothing, and a step that fails ends the installation.
func TestRun(t *testing.T) {
	root := t.TempDir()
	steps, err := Install(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(&out, steps, true); err != nil || !strings.Contains(out.String(), "write "+root+"/etc/systemd/system/webproxy.service") {
		t.Errorf("dry run: %s, %v", out.String(), err)
	}
	if got := regularFiles(t, root); len(got) > 0 {
		t.Errorf("a dry run wrote %q", got)
	}
	if err := os.WriteFile(filepath.Join(root, "etc"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Run(&out, steps, false); err == nil {
		t.Error("no error where /etc is a file")
	}
}

func run(t *testing.T, steps func(Options) ([]Step, error), o Options) {
	t.Helper()
	all, err := steps(o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(&out, all, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

func regularFiles(t *testing.T, root string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(root, path)
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
