package daemon

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/windows/svc"

	"webproxy/config"
)

// What the service control manager is told from the start to the end. An exit code other than 0 makes it start the service again, so
// a stop that was asked for has none, whatever failed.
func TestServiceStates(t *testing.T) {
	failed := errors.New("failed")
	for _, tt := range []struct {
		what     string
		control  svc.Cmd // sent once it runs; 0: it ends before it runs
		err      error   // of serve
		specific bool
		code     uint32
	}{
		{"stop", svc.Stop, nil, false, 0},
		{"stop, and something fails", svc.Stop, failed, false, 0},
		{"shutdown of the system", svc.PreShutdown, nil, false, 0},
		{"a configuration that is not valid", 0, fmt.Errorf("read: %w", config.Problems{{}}), true, exitConfig},
		{"no port", 0, failed, true, exitFailed},
	} {
		reloaded := make(chan struct{}, 1)
		serve := func(_ context.Context, c control) error {
			if !c.unattended {
				t.Errorf("%s: somebody reads standard error", tt.what)
			}
			if tt.control == 0 {
				return tt.err
			}
			close(c.ready)
			<-c.reload
			reloaded <- struct{}{}
			<-c.stop
			return tt.err
		}
		requests, status := make(chan svc.ChangeRequest), make(chan svc.Status, 100)
		s := &service{ctx: context.Background(), serve: serve}
		type exit struct {
			specific bool
			code     uint32
		}
		ended := make(chan exit, 1)
		go func() {
			specific, code := s.Execute(nil, requests, status)
			ended <- exit{specific, code}
		}()
		next := func(want svc.State) svc.Status {
			got := <-status
			for got.State != want && got.CheckPoint > 0 { // a slow machine
				got = <-status
			}
			if got.State != want {
				t.Fatalf("%s: state %d, want %d", tt.what, got.State, want)
			}
			if pending := want == svc.StartPending || want == svc.StopPending; pending != (got.WaitHint > 0) {
				t.Errorf("%s: state %d has the wait hint %d", tt.what, got.State, got.WaitHint)
			}
			return got
		}
		next(svc.StartPending)
		if tt.control != 0 {
			if got, want := next(svc.Running).Accepts, svc.Accepted(svc.AcceptStop|svc.AcceptPreShutdown|svc.AcceptParamChange); got != want {
				t.Errorf("%s: accepts %#x, want %#x", tt.what, got, want)
			}
			requests <- svc.ChangeRequest{Cmd: svc.ParamChange}
			next(svc.Running)
			<-reloaded
			requests <- svc.ChangeRequest{Cmd: tt.control}
			next(svc.StopPending)
		}
		next(svc.StopPending)
		if got, want := <-ended, (exit{tt.specific, tt.code}); got != want {
			t.Errorf("%s: exit %+v, want %+v", tt.what, got, want)
		}
		if !errors.Is(s.err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.what, s.err, tt.err)
		}
	}
}
