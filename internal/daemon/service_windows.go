package daemon

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/windows/svc"
)

const serviceName = "webproxy"

// exitFailed is the exit code of a service that could not serve, as that of the command.
const exitFailed = 1

// runAsService calls serve with a control that the service control manager drives if it started the
// process, else Ctrl+C. Stop and Shutdown let open tunnels finish, the second Ctrl+C cuts
// them; ParamChange (sc.exe control webproxy paramchange) reads the configuration again.
// It returns when serve does.
func runAsService(ctx context.Context, serve func(context.Context, control) error) error {
	if is, err := svc.IsWindowsService(); err == nil && is {
		h := &service{ctx: ctx, serve: serve}
		if err := svc.Run(serviceName, h); err != nil {
			return err
		}
		return h.err
	}
	interrupts := make(chan os.Signal, 4)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	c := newControl()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, c) }()
	for {
		select {
		case err := <-done:
			return err
		case <-interrupts:
			c.stopNow()
		}
	}
}

// A service is the process as the service control manager sees it.
type service struct {
	ctx   context.Context
	serve func(context.Context, control) error
	err   error // of serve
}

// Execute implements svc.Handler.
func (s *service) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	const accepts = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptParamChange
	status <- svc.Status{State: svc.StartPending}
	c := newControl()
	done := make(chan error, 1)
	go func() { done <- s.serve(s.ctx, c) }()
	ready := c.ready
	for {
		select {
		case <-ready:
			status <- svc.Status{State: svc.Running, Accepts: accepts}
			ready = nil
		case s.err = <-done:
			status <- svc.Status{State: svc.StopPending}
			if s.err != nil {
				return true, exitFailed
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending}
				c.stopNow()
			case svc.ParamChange:
				c.reloadNow()
				status <- svc.Status{State: svc.Running, Accepts: accepts}
			}
		}
	}
}
