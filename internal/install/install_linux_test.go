package install

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"webproxy/config"
)

// What was installed below a directory is removed without a trace. What was edited stays, unless all is to go: the configuration with all
// that it reads, so that the next installation can be started, and a list, which the next one keeps.
func TestInstallUninstall(t *testing.T) {
	const configFile, list = "etc/webproxy/webproxy.yaml", "etc/webproxy/lists/approved.txt"
	for _, tt := range []struct {
		edit  string
		purge bool
		want  string // files that stay
	}{
		{"", false, ""},
		{configFile, false, "etc/webproxy/.installed etc/webproxy/lists/approved.txt etc/webproxy/webproxy.schema.json etc/webproxy/webproxy.yaml"},
		{list, false, "etc/webproxy/lists/approved.txt"},
		{configFile, true, ""},
	} {
		root := t.TempDir()
		o := Options{Root: root, Purge: tt.purge, Config: config.InitParams{Region: "eastus"}}
		run(t, Install, o)
		run(t, Install, o) // an upgrade
		installed(t, root, "eastus")
		unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/webproxy.service"))
		if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/local/bin/webproxy serve") {
			t.Errorf("unit: %s, %v", unit, err)
		}
		var edited string
		if tt.edit != "" {
			path := filepath.Join(root, tt.edit)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			edited = string(text) + "# edited\n"
			write(t, path, edited)
		}
		run(t, Uninstall, o)
		if got := strings.Join(regularFiles(t, root), " "); got != tt.want {
			t.Errorf("%s edited, purge %v: left %q, want %q", tt.edit, tt.purge, got, tt.want)
		}
		run(t, Install, o)
		installed(t, root, "eastus")
		if tt.edit != "" && !tt.purge {
			if text, err := os.ReadFile(filepath.Join(root, tt.edit)); err != nil || string(text) != edited {
				t.Errorf("%s after another installation: %q, %v; want %q", tt.edit, text, err, edited)
			}
		}
	}
}

// installed fails unless all parts are there, with a configuration that is valid.
func installed(t *testing.T, root, region string) {
	t.Helper()
	for _, part := range Status(Options{Root: root}) {
		if !part.OK {
			t.Errorf("after install: %+v", part)
		}
	}
	path := filepath.Join(root, "etc/webproxy/webproxy.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "/var/log/webproxy/audit") || !strings.Contains(string(text), region) {
		t.Fatalf("%s: %s, %v", path, text, err)
	}
	if _, err := config.Load(path); err != nil {
		t.Error(err)
	}
}

// What others may change, or have laid there, is told; a link in the place of a directory is refused.
func TestForeign(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "webproxy")
	write(t, filepath.Join(dir, "webproxy.yaml"), "{}\n")
	write(t, filepath.Join(dir, "lists", "approved.txt"), "")
	if err := checkOwn(dir); err != nil {
		t.Errorf("what is ours: %v", err)
	}
	path := filepath.Join(dir, "lists", "approved.txt")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := checkOwn(dir); err == nil || !strings.Contains(err.Error(), path+": everybody may change it") {
		t.Errorf("a list that everybody may change: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	// What a link leads to is ours, as the tests' directories are; who laid the link may have it lead elsewhere later.
	for _, to := range []string{filepath.Join(dir, "lists"), path, filepath.Join(dir, "none")} {
		link := filepath.Join(dir, "lists", "link")
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		if err := checkOwn(dir); err == nil || !strings.Contains(err.Error(), link+" is a link") {
			t.Errorf("a link to %s: %v", to, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "admin.sock")) // of the running proxy, at an upgrade
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := checkOwn(dir); err != nil {
		t.Errorf("with a socket of ours: %v", err)
	}
	pipe := filepath.Join(dir, "phases.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkOwn(dir); err == nil || !strings.Contains(err.Error(), pipe+" is ") {
		t.Errorf("a named pipe: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := notLink(link); err == nil {
		t.Error("a link was taken for a directory")
	}
	if err := checkOwn(link); err == nil || !strings.Contains(err.Error(), link+" is a link") {
		t.Errorf("the directory itself as a link: %v", err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none")} {
		if err := notLink(path); err != nil {
			t.Error(err)
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

	s := &system{Options{Root: root}, filepath.Join(root, packagedExe)}
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
