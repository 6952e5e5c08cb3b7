package daemon

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"

	"webproxy/config"
	"webproxy/internal/hint"
)

// serviceName is the name of the service, and of the source of its events.
const serviceName = "webproxy"

// Exit codes of a service that could not serve, as those of the command.
const (
	exitFailed = 1
	exitConfig = 3
)

// runAsService calls serve with a control that the service control manager drives if it started the
// process, else the console. Stop and PreShutdown let open tunnels finish, and so do Ctrl+C, Ctrl+Break, closing the console, the user's
// logoff and docker stop; a second one from the console cuts them. ParamChange (sc.exe control webproxy paramchange) reads the configuration again.
// It returns when serve does.
func runAsService(ctx context.Context, serve func(context.Context, control) error) error {
	if isService() {
		h := &service{ctx: ctx, serve: serve}
		// Opened first, so that all later errors are logged. If the event source was not installed, events are written without
		// a message text.
		var err error
		if h.events, err = eventlog.Open(serviceName); err == nil {
			defer h.events.Close()
		}
		if err := svc.Run(serviceName, h); err != nil {
			h.tell(eventStartFailed, err)
			return err
		}
		return h.err
	}
	signals := make(chan os.Signal, 4)
	// Go sends SIGTERM for CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT and CTRL_SHUTDOWN_EVENT, and lets the handler block: the process has
	// the time that Windows gives it, 5 s by default.
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	c := newControl()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, c) }()
	for {
		select {
		case err := <-done:
			return err
		case <-signals:
			c.stopNow()
		}
	}
}

// isService reports whether the service control manager started the process: its parent process is services.exe. svc.IsWindowsService
// also requires session 0, which is not so under wine, where the service is tested.
func isService() bool {
	if is, err := svc.IsWindowsService(); err == nil && is {
		return true
	}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(snapshot)
	parent := uint32(os.Getppid())
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		if entry.ProcessID == parent {
			return strings.EqualFold(windows.UTF16ToString(entry.ExeFile[:]), "services.exe")
		}
	}
	return false
}

// A service is the process as the service control manager sees it.
type service struct {
	ctx    context.Context
	serve  func(context.Context, control) error
	events *eventlog.Log // nil if it could not be opened
	err    error         // of serve
}

const (
	// waitHint is how long the service control manager waits for the next checkpoint of a start or stop, checkpointEvery the
	// interval between checkpoints: with them a start or a drain may take any time.
	waitHint        = 15 * time.Second
	checkpointEvery = 5 * time.Second
)

// Execute implements svc.Handler.
func (s *service) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	const accepts = svc.AcceptStop | svc.AcceptPreShutdown | svc.AcceptParamChange
	now := svc.Status{State: svc.StartPending, WaitHint: uint32(waitHint.Milliseconds())}
	status <- now
	c := newControl()
	c.unattended = true
	done := make(chan error, 1)
	go func() { done <- s.serve(s.ctx, c) }()
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	ready := c.ready
	for {
		select {
		case <-ready:
			ready = nil
			if now.State == svc.StartPending {
				now = svc.Status{State: svc.Running, Accepts: accepts}
				status <- now
			}
		case <-tick.C:
			if now.State != svc.Running {
				now.CheckPoint++
				status <- now
			}
		case s.err = <-done:
			asked := now.State == svc.StopPending
			status <- svc.Status{State: svc.StopPending, WaitHint: uint32(waitHint.Milliseconds())}
			return s.exit(asked)
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- now
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				// Windows passes on no control to a service that is stopping (ControlService, ERROR_SERVICE_CANNOT_ACCEPT_CTRL). wine does:
				// a second Stop cuts open exchanges.
				now = svc.Status{State: svc.StopPending, Accepts: svc.AcceptStop, WaitHint: uint32(waitHint.Milliseconds())}
				status <- now
				c.stopNow()
			case svc.ParamChange:
				c.reloadNow()
				status <- now
			}
		}
	}
}

// exit tells the event log why the service ends, if it failed, and returns its exit code. That is 0 for a stop that was asked for: after
// any other the service control manager would start the service again.
func (s *service) exit(asked bool) (specific bool, code uint32) {
	var problems config.Problems
	switch {
	case s.err == nil:
		return false, 0
	case asked:
		s.tell(eventError, s.err)
		return false, 0
	case errors.As(s.err, &problems):
		s.tell(eventBadConfig, s.err)
		return true, exitConfig
	}
	s.tell(eventStartFailed, s.err)
	return true, exitFailed
}

// tell writes an error to the event log, with what to do about it.
func (s *service) tell(id uint32, err error) {
	if s.events == nil {
		return
	}
	text := err.Error()
	if h := hint.Of(err); h != "" {
		text += "\nhint: " + h
	}
	s.events.Error(id, eventText(text))
}
