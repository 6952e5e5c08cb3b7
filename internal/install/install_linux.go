package install

import (
	"bytes"
	_ "embed" // the units
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/privatefile"
)

//go:embed units/webproxy.service
var serviceUnit []byte

//go:embed units/webproxy.socket
var socketUnit []byte

//go:embed units/sysusers.conf
var sysusers []byte

// AuditLine has the audit section and the admin section of an installed configuration.
const AuditLine = `audit: { dir: /var/log/webproxy/audit, key: /var/lib/webproxy/audit.key, retain: 400d, rotate: 256MiB, on_error: refuse }
admin: { socket: /run/webproxy/admin.sock }
`

const (
	configDir   = "/etc/webproxy"
	unitDir     = "/etc/systemd/system"
	sysusersDir = "/etc/sysusers.d"
	binaryPath  = "/usr/local/bin/webproxy"
	packagedExe = "/usr/bin/webproxy" // in the units
	socketName  = "webproxy.socket"
	serviceName = "webproxy.service"
)

// packagedUnit exists if a package was installed.
const packagedUnit = "/usr/lib/systemd/system/" + serviceName

// unitFiles are the files of the service beside its configuration, by path.
var unitFiles = []string{unitDir + "/" + serviceName, unitDir + "/" + socketName, sysusersDir + "/webproxy.conf"}

// A system is what is installed to.
type system struct {
	Options
	exe string // the running binary
}

// packaged reports whether this program was installed by a package, which has installed units and the user too.
func (s *system) packaged() bool {
	_, err := os.Stat(s.at(packagedUnit))
	return s.exe == s.at(packagedExe) && err == nil
}

func newSystem(o Options) (*system, error) {
	if o.Root == "" && os.Geteuid() != 0 {
		return nil, errors.New("only root can install or uninstall the service: run the command with sudo, or name a directory with --root")
	}
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	return &system{o, exe}, err
}

func (s *system) at(path string) string { return filepath.Join(s.Root, path) }

// live reports whether systemd runs here.
func (s *system) live() bool {
	_, err := os.Stat("/run/systemd/system")
	return s.Root == "" && err == nil
}

// Install returns the steps that make this binary a service. Existing files are kept, except units and the binary.
func Install(o Options) ([]Step, error) {
	s, err := newSystem(o)
	if err != nil {
		return nil, err
	}
	configured, err := configSteps(o, AuditLine, s.at(configDir+"/"+config.FileName), s.writeConfig, s.replaceConfig)
	if err != nil {
		return nil, err
	}
	binary := s.exe
	var steps []Step
	if !strings.HasPrefix(s.exe, "/usr/") && !strings.HasPrefix(s.exe, "/opt/") || s.Root != "" {
		binary = binaryPath
		steps = append(steps, Step{What: "copy the program to " + s.at(binary), Do: func() error { return copyProgram(s.exe, s.at(binary)) }})
	}
	contents := map[string][]byte{
		unitFiles[0]: bytes.Replace(serviceUnit, []byte("ExecStart="+packagedExe), []byte("ExecStart="+binary), 1),
		unitFiles[1]: socketUnit,
		unitFiles[2]: sysusers,
	}
	units := unitFiles
	if s.packaged() {
		units = nil
	}
	for _, path := range units {
		steps = append(steps, Step{What: "write " + s.at(path), Do: func() error {
			if err := privatefile.MkdirAll(filepath.Dir(s.at(path)), privatefile.Policy); err != nil {
				return err
			}
			return atomicfile.Write(s.at(path), contents[path], 0o644)
		}})
	}
	if s.Root == "" && !s.packaged() {
		steps = append(steps, Step{What: "make the user " + privatefile.Account, Do: makeUser})
	}
	steps = append(steps, Step{What: "make " + s.at(configDir), Do: s.makeConfigDir})
	steps = append(steps, configured...)
	switch {
	case o.NoStart || s.Root != "":
	case !s.live():
		steps = append(steps, Step{What: "start nothing: systemd does not run here", Do: func() error { return nil }})
	default:
		steps = append(steps, Step{What: "enable and start the service", Do: func() error {
			return errors.Join(systemctl("daemon-reload"), systemctl("enable", "--now", socketName), systemctl("enable", serviceName), systemctl("restart", serviceName))
		}})
	}
	return steps, nil
}

// Uninstall returns the steps that undo Install. Unless o.Purge is set, the audit log and its key are kept, and an edited
// configuration.
func Uninstall(o Options) ([]Step, error) {
	s, err := newSystem(o)
	if err != nil {
		return nil, err
	}
	var steps []Step
	if s.live() {
		steps = append(steps, Step{What: "stop and disable the service", Optional: true, Do: func() error { return systemctl("disable", "--now", socketName, serviceName) }})
	}
	for _, path := range append([]string{binaryPath}, unitFiles...) {
		if _, err := os.Lstat(s.at(path)); err == nil {
			steps = append(steps, Step{What: "remove " + s.at(path), Do: func() error { return os.Remove(s.at(path)) }})
		}
	}
	if s.live() {
		steps = append(steps, Step{What: "have systemd forget the units", Optional: true, Do: func() error { return systemctl("daemon-reload") }})
	}
	if o.Purge {
		for _, dir := range []string{configDir, "/var/log/webproxy", "/var/lib/webproxy", "/var/log/private/webproxy", "/var/lib/private/webproxy"} {
			if _, err := os.Lstat(s.at(dir)); err == nil {
				steps = append(steps, Step{What: "remove " + s.at(dir), Do: func() error { return os.RemoveAll(s.at(dir)) }})
			}
		}
		if _, err := user.Lookup(privatefile.Account); err == nil && s.Root == "" {
			steps = append(steps, Step{What: "remove the user " + privatefile.Account, Optional: true, Do: func() error { return command("userdel", privatefile.Account) }})
		}
		return steps, nil
	}
	steps = append(steps, Step{What: "remove from " + s.at(configDir) + " what was not edited", Do: func() error { return removePristine(s.at(configDir)) }})
	return steps, nil
}

// Status returns the parts of an installation and their state.
func Status(o Options) []Part {
	s := &system{Options: o}
	var parts []Part
	for _, path := range append([]string{configDir + "/" + config.FileName}, unitFiles[:2]...) {
		p := Part{Name: s.at(path), State: "not there"}
		if packaged := strings.Replace(path, unitDir, "/usr/lib/systemd/system", 1); packaged != path {
			if _, err := os.Stat(s.at(packaged)); err == nil {
				p = Part{s.at(packaged), "there, of a package", true}
			}
		}
		if _, err := os.Stat(s.at(path)); err == nil {
			p = Part{s.at(path), "there", true}
		}
		parts = append(parts, p)
	}
	if s.Root != "" {
		return parts
	}
	p := Part{Name: "user " + privatefile.Account, State: "made by systemd while the service runs", OK: true}
	if u, err := user.Lookup(privatefile.Account); err == nil {
		p.State = "uid " + u.Uid
	}
	parts = append(parts, p)
	if !s.live() {
		return append(parts, Part{serviceName, "systemd does not run here", false})
	}
	for _, unit := range []string{socketName, serviceName} {
		active, err := exec.Command("systemctl", "is-active", unit).Output()
		enabled, _ := exec.Command("systemctl", "is-enabled", unit).Output()
		parts = append(parts, Part{unit, strings.TrimSpace(string(active)) + ", " + strings.TrimSpace(string(enabled)), err == nil})
	}
	return parts
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(to, data, 0o755); err != nil {
		return err
	}
	return os.Chmod(to, 0o755)
}

// makeUser makes the user that the service runs as, so that files can be given to it while it does not run.
func makeUser() error {
	if _, err := user.Lookup(privatefile.Account); err == nil {
		return nil
	}
	if _, err := exec.LookPath("systemd-sysusers"); err == nil {
		return command("systemd-sysusers", unitFiles[2])
	}
	return command("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/var/lib/webproxy", "--shell", "/usr/sbin/nologin", privatefile.Account)
}

// makeConfigDir makes the directory of the configuration: root's, and readable by the service. Its set-group-ID bit has files and
// directories made in it belong to the service's group.
func (s *system) makeConfigDir() error {
	dir := s.at(configDir)
	if err := privatefile.MkdirAll(dir, privatefile.Policy); err != nil {
		return err
	}
	if s.Root != "" {
		return nil
	}
	gid, err := serviceGroup()
	if err != nil {
		return err
	}
	return errors.Join(os.Chown(dir, 0, gid), os.Chmod(dir, 0o750|fs.ModeSetgid))
}

func serviceGroup() (int, error) {
	g, err := user.LookupGroup(privatefile.Account)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

func (s *system) writeConfig(files []config.File) error { return create(s.at(configDir), files) }

// replaceConfig replaces the existing configuration by files[0], with its owner and mode, and updates its sum in installedFile.
func (s *system) replaceConfig(files []config.File) error {
	dir := s.at(configDir)
	if err := atomicfile.Write(files[0].Local(dir), files[0].Data, 0o640); err != nil {
		return err
	}
	installed := filepath.Join(dir, installedFile)
	if _, err := os.Lstat(installed); errors.Is(err, fs.ErrNotExist) {
		return nil // the configuration is of a package
	}
	return atomicfile.Write(installed, sums(files), 0o640)
}

func systemctl(args ...string) error { return command("systemctl", args...) }

// command runs a program of the system; its error has what it printed.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
