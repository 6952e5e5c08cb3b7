package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/privatefile"
	"webproxy/internal/sharedfile"
)

// AuditLine is the audit section of an installed configuration.
const AuditLine = "audit: { dir: audit, key: audit-key/audit.key, retain: 400d, rotate: 256MiB, on_error: refuse }\n"

const serviceName = "webproxy"

// A layout is where an installation is.
type layout struct {
	exe     string // the running program
	program string // its directory, once installed
	data    string // of the configuration and the log
}

func newLayout(o Options) (*layout, error) {
	if o.Root != "" {
		return nil, errors.New("--root is for Linux only: leave it out")
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	programs, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, 0)
	if err != nil {
		return nil, err
	}
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	return &layout{exe, filepath.Join(programs, "webproxy"), filepath.Join(data, "webproxy")}, err
}

func (l *layout) binary() string     { return filepath.Join(l.program, "webproxy.exe") }
func (l *layout) oldBinary() string  { return l.binary() + ".old" }
func (l *layout) configFile() string { return filepath.Join(l.data, config.FileName) }

// Install returns the steps that make this program a service. Existing files are kept, except the program; the settings of the
// service are replaced.
func Install(o Options) ([]Step, error) {
	l, err := newLayout(o)
	if err != nil {
		return nil, err
	}
	configured, err := configSteps(o, AuditLine, l.configFile(), l.writeConfig, l.replaceConfig)
	if err != nil {
		return nil, err
	}
	// The program comes after the check: an upgrade that is refused leaves the old one, which the service starts at the next boot.
	steps := []Step{
		{What: "make " + l.data + ", for SYSTEM, Administrators and the service", Do: l.makeDirs},
		{What: "check that nobody else may change what is in it", Do: func() error { return checkOwn(l.data) }},
	}
	if !strings.EqualFold(l.exe, l.binary()) {
		steps = append(steps, Step{What: "copy the program to " + l.binary(), Do: l.copyProgram})
	}
	steps = append(steps, configured...)
	steps = append(steps,
		Step{What: `make the service ` + serviceName + `, which runs as NT SERVICE\` + serviceName, Do: l.makeService},
		Step{What: "make the source of its events", Optional: true, Do: makeEventSource},
		Step{What: "let clients reach TCP port 9090 (Windows Firewall)", Optional: true, Do: func() error {
			netsh("advfirewall", "firewall", "delete", "rule", "name="+serviceName)
			return netsh("advfirewall", "firewall", "add", "rule", "name="+serviceName, "dir=in", "action=allow", "protocol=TCP", "localport=9090", "program="+l.binary())
		}})
	if !o.NoStart {
		steps = append(steps, Step{What: "start the service, anew if it runs", Do: l.restartService})
	}
	return steps, nil
}

// Uninstall returns the steps that undo Install. Unless o.Purge is set, the audit log and its key are kept, and an edited
// configuration.
func Uninstall(o Options) ([]Step, error) {
	l, err := newLayout(o)
	if err != nil {
		return nil, err
	}
	steps := []Step{
		{What: "stop and remove the service", Do: removeService},
		{What: "remove the source of its events", Optional: true, Do: removeEventSource},
		{What: "remove the rule of the Windows Firewall", Optional: true, Do: func() error {
			return netsh("advfirewall", "firewall", "delete", "rule", "name="+serviceName)
		}},
	}
	if strings.EqualFold(l.exe, l.binary()) { // a program cannot remove itself while it runs
		steps = append(steps, Step{What: "leave " + l.binary() + ": it is this program, remove it afterwards", Do: func() error { return nil }})
	} else {
		steps = append(steps, Step{What: "remove " + l.binary(), Do: l.removeProgram})
	}
	if o.Purge {
		return append(steps, Step{What: "remove " + l.data, Do: func() error { return os.RemoveAll(l.data) }}), nil
	}
	return append(steps, Step{What: "remove from " + l.data + " what was not edited", Do: func() error { return removePristine(l.data) }}), nil
}

// Status returns the parts of an installation and their state.
func Status(o Options) []Part {
	l, err := newLayout(o)
	if err != nil {
		return nil
	}
	var parts []Part
	for _, path := range []string{l.binary(), l.configFile()} {
		p := Part{path, "not there", false}
		if _, err := os.Stat(path); err == nil {
			p = Part{path, "there", true}
		}
		parts = append(parts, p)
	}
	p := Part{"service " + serviceName, "not there", false}
	withService(func(s *mgr.Service) error {
		status, err := query(s)
		if err != nil {
			p.State = err.Error()
			return err
		}
		p.State, p.OK = stateWord(status.CurrentState), status.CurrentState == windows.SERVICE_RUNNING
		if status.CurrentState == windows.SERVICE_STOPPED && status.ServiceSpecificExitCode != 0 {
			p.State += fmt.Sprintf(", exit code %d: see the event log, source %s", status.ServiceSpecificExitCode, serviceName)
		}
		if c, err := s.Config(); err == nil {
			p.State += ", as " + c.ServiceStartName
		}
		return nil
	})
	return append(parts, p)
}

func stateWord(s uint32) string {
	words := map[uint32]string{windows.SERVICE_STOPPED: "stopped", windows.SERVICE_START_PENDING: "starting",
		windows.SERVICE_STOP_PENDING: "stopping", windows.SERVICE_RUNNING: "running"}
	if w, ok := words[s]; ok {
		return w
	}
	return fmt.Sprintf("state %d", s)
}

// copyProgram copies this program to the service's place. The running program of the service is renamed, since it cannot be
// replaced.
func (l *layout) copyProgram() error {
	data, err := os.ReadFile(l.exe)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.program, 0o755); err != nil { // as Program Files has it: administrators change it
		return err
	}
	old := l.oldBinary()
	os.Remove(old)
	if err := os.Rename(l.binary(), old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Write(l.binary(), data, 0o755)
}

// removeProgram removes what copyProgram wrote, and the directory if nothing else is in it. The process of a service that has stopped may
// take a moment to end, and until then Windows does not delete its program.
func (l *layout) removeProgram() error {
	for _, path := range []string{l.oldBinary(), l.binary()} {
		if err := sharedfile.Remove(path, 10*time.Second); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	os.Remove(l.program) // only if it is empty
	return nil
}

// makeDirs makes the directories with their access control lists. A directory that is there, as an administrator may have made it
// in ProgramData, gets the list and is given to Administrators. One that belongs to somebody else, and a link, are refused: see
// privatefile.Protect.
func (l *layout) makeDirs() error {
	for _, d := range []struct {
		name string
		kind privatefile.Kind
	}{{".", privatefile.Policy}, {"audit", privatefile.Private}, {"audit-key", privatefile.Private}, {"log", privatefile.Private}, {"ca", privatefile.Policy}} {
		path := filepath.Join(l.data, d.name)
		if err := notLink(path); err != nil {
			return err
		}
		if err := privatefile.MkdirAll(path, d.kind); err != nil {
			return err
		}
		if err := privatefile.Protect(path, d.kind); err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) writeConfig(files []config.File) error { return create(l.data, files) }

// replaceConfig puts files[0] in the place of the configuration that is there, with its access control list, and notes its sum.
func (l *layout) replaceConfig(files []config.File) error {
	if err := atomicfile.Write(files[0].Local(l.data), files[0].Data, 0o640); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(l.data, installedFile), sums(files), 0o640)
}

// makeService makes the service, or gives the one that is there its settings.
func (l *layout) makeService() error {
	m, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer m.Disconnect()
	c := mgr.Config{
		ServiceType:      windows.SERVICE_WIN32_OWN_PROCESS,
		StartType:        mgr.StartAutomatic,
		ErrorControl:     mgr.ErrorNormal,
		DisplayName:      "webproxy",
		Description:      "Forward proxy with an allowlist, for Azure Local behind a closed firewall.",
		ServiceStartName: `NT SERVICE\` + serviceName,
	}
	s, err := m.OpenService(serviceName)
	if err == nil {
		c.BinaryPathName = windows.ComposeCommandLine([]string{l.binary(), "serve", "-c", l.configFile()})
		if err = ifSupported(s.UpdateConfig(c)); err != nil {
			s.Close()
		}
	} else {
		s, err = m.CreateService(serviceName, l.binary(), c, "serve", "-c", l.configFile())
	}
	if errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
		return hint.With(err, "Windows removes the old service once no program has it open: close Services, Event Viewer and Task Manager, then try again")
	}
	if err != nil {
		return err
	}
	defer s.Close()
	again := func(d time.Duration) mgr.RecoveryAction {
		return mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d}
	}
	if err := s.SetRecoveryActions([]mgr.RecoveryAction{again(5 * time.Second), again(15 * time.Second), again(time.Minute)}, 24*60*60); err != nil {
		return err
	}
	return errors.Join(ifSupported(s.SetRecoveryActionsOnNonCrashFailures(true)), restrict(s))
}

// ifSupported drops the error of a service control manager, such as wine's, that does not support a setting.
func ifSupported(err error) error {
	if errors.Is(err, windows.ERROR_INVALID_LEVEL) {
		return nil
	}
	return err
}

// restrict gives the service an identity of its own, removes all privileges but one, and allows it three minutes to end at a shutdown of
// the system.
func restrict(s *mgr.Service) error {
	privileges, err := windows.UTF16FromString("SeChangeNotifyPrivilege")
	if err != nil {
		return err
	}
	privileges = append(privileges, 0)                 // the list ends with an empty name
	required := struct{ list *uint16 }{&privileges[0]} // SERVICE_REQUIRED_PRIVILEGES_INFO
	identity := uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED)
	preshutdown := uint32((3 * time.Minute).Milliseconds()) // SERVICE_PRESHUTDOWN_INFO
	set := func(level uint32, to unsafe.Pointer) error {
		return ifSupported(windows.ChangeServiceConfig2(s.Handle, level, (*byte)(to)))
	}
	const configRequiredPrivileges, configPreshutdown = 6, 7
	return errors.Join(
		set(windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&identity)),
		set(configRequiredPrivileges, unsafe.Pointer(&required)),
		set(configPreshutdown, unsafe.Pointer(&preshutdown)))
}

const eventKey = `SYSTEM\CurrentControlSet\Services\EventLog\Application\` + serviceName

// makeEventSource registers the event source, with the message file of eventcreate.exe, so that Windows shows the texts of events.
func makeEventSource() error {
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, eventKey, registry.QUERY_VALUE); err == nil {
		return k.Close()
	}
	return eventlog.InstallAsEventCreate(serviceName, eventlog.Info|eventlog.Warning|eventlog.Error)
}

func removeEventSource() error {
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, eventKey, registry.QUERY_VALUE); err != nil {
		return nil
	} else if err := k.Close(); err != nil {
		return err
	}
	return eventlog.Remove(serviceName)
}

// withService calls do with the service; it returns nil if the service does not exist.
func withService(do func(*mgr.Service) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer m.Disconnect()
	s, err := m.OpenService(serviceName)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return nil
	}
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// patience is how long a service may take to start or to stop without progress; tunnels have proxy.shutdown_grace to end.
const patience = time.Minute

// restartService starts the service. A running service is stopped first, and its old program is removed afterwards.
func (l *layout) restartService() error {
	return withService(func(s *mgr.Service) error {
		if err := stop(s); err != nil {
			return err
		}
		if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return err
		}
		status, err := await(s, windows.SERVICE_RUNNING, windows.SERVICE_STOPPED)
		if err == nil && status.CurrentState != windows.SERVICE_RUNNING {
			err = fmt.Errorf("it ended with exit code %d: the event log says why, source %s", status.ServiceSpecificExitCode, serviceName)
		}
		if err == nil {
			os.Remove(l.oldBinary()) // if this fails, the next upgrade removes it
		}
		return err
	})
}

// removeService stops the service and deletes it. Windows removes it once no program has it open, such as Services.
func removeService() error {
	return withService(func(s *mgr.Service) error {
		if err := stop(s); err != nil {
			return err
		}
		if err := s.Delete(); !errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE) {
			return err
		}
		return nil
	})
}

// stop stops the service, if it runs, and waits for its end. A service that starts or stops takes no Stop (ControlService's
// ERROR_SERVICE_CANNOT_ACCEPT_CTRL), so that is awaited first.
func stop(s *mgr.Service) error {
	for {
		_, err := s.Control(svc.Stop)
		switch {
		case err == nil:
			_, err = await(s, windows.SERVICE_STOPPED)
			return err
		case errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE):
			return nil
		case !errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL):
			return err
		}
		if status, err := await(s, windows.SERVICE_STOPPED, windows.SERVICE_RUNNING); err != nil || status.CurrentState == windows.SERVICE_STOPPED {
			return err
		}
	}
}

// query returns the status of the service; that of mgr.Service.Query lacks the checkpoint.
func query(s *mgr.Service) (status windows.SERVICE_STATUS_PROCESS, err error) {
	var needed uint32
	err = windows.QueryServiceStatusEx(s.Handle, windows.SC_STATUS_PROCESS_INFO, (*byte)(unsafe.Pointer(&status)), uint32(unsafe.Sizeof(status)), &needed)
	return status, err
}

// await waits until the service is in one of the states, as long as it makes progress.
func await(s *mgr.Service, states ...uint32) (windows.SERVICE_STATUS_PROCESS, error) {
	return awaitState(func() (windows.SERVICE_STATUS_PROCESS, error) { return query(s) }, states...)
}

func awaitState(query func() (windows.SERVICE_STATUS_PROCESS, error), states ...uint32) (windows.SERVICE_STATUS_PROCESS, error) {
	var last windows.SERVICE_STATUS_PROCESS
	deadline := time.Now().Add(patience)
	for {
		status, err := query()
		if err != nil || slices.Contains(states, status.CurrentState) {
			return status, err
		}
		if status.CurrentState != last.CurrentState || status.CheckPoint != last.CheckPoint {
			last, deadline = status, time.Now().Add(patience)
		}
		if time.Now().After(deadline) {
			return status, fmt.Errorf("the service is still %s after %v without progress", stateWord(status.CurrentState), patience)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func netsh(args ...string) error {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	out, err := exec.Command(filepath.Join(dir, "netsh.exe"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("netsh: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
