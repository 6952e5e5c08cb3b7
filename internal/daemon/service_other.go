//go:build !windows

package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// runAsService calls serve with a control that signals drive.
//
//	SIGTERM, SIGINT   stop, and let open tunnels finish; the second one cuts them
//	SIGHUP            read the configuration again
//
// It returns when serve does.
func runAsService(ctx context.Context, serve func(context.Context, control) error) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	defer signal.Stop(signals)
	c := newControl()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, c) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				c.reloadNow()
			} else {
				c.stopNow()
			}
		}
	}
}
