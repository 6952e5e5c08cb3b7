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

// Answers hold for a configuration that nobody edited, of an earlier install or of a package, and are told not to hold for another; the
// units of a package stay alone.
func TestInstallAnswers(t *testing.T) {
	eastus := config.InitParams{Region: "eastus"}
	root := t.TempDir()
	path := filepath.Join(root, "etc/webproxy/webproxy.yaml")
	run(t, Install, Options{Root: root})
	run(t, Install, Options{Root: root, Config: eastus})
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte("region: eastus")) {
		t.Errorf("answers for a configuration that nobody edited: %v, %s", err, text)
	}
	run(t, Install, Options{Root: root, Config: config.InitParams{Region: "westeurope"}})
	if text, err := os.ReadFile(path); err != nil || !bytes.Contains(text, []byte("region: westeurope")) {
		t.Errorf("answers for a configuration of earlier answers: %v, %s", err, text)
	}
	run(t, Uninstall, Options{Root: root})
	if left := regularFiles(t, root); len(left) > 0 {
		t.Errorf("uninstall left %q", left)
	}

	run(t, Install, Options{Root: root})
	write(t, path, "edited: true\n")
	out := run(t, Install, Options{Root: root, Config: eastus})
	if text, _ := os.ReadFile(path); string(text) != "edited: true\n" || !strings.Contains(out, "it was edited, so --cloud, --region") {
		t.Errorf("answers for a configuration that was edited: it is %q, and was said:\n%s", text, out)
	}

	s := &system{Options{Root: root}, filepath.Join(root, packaged)}
	if s.packaged() {
		t.Error("the program of a package, without its unit")
	}
	write(t, filepath.Join(root, packagedUnit), "[Unit]\n")
	if !s.packaged() {
		t.Error("not the program of a package")
	}
	s.exe = filepath.Join(root, binaryPath)
	if s.packaged() {
		t.Error("another program beside a package's is not it")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
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

func run(t *testing.T, steps func(Options) ([]Step, error), o Options) string {
	t.Helper()
	all, err := steps(o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Run(&out, all, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
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
