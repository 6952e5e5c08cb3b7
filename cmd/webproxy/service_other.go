//go:build !windows

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// runAsService calls serve with the orders of the system: signals.
//
//	SIGTERM, SIGINT   stop, and let open tunnels finish; the second one cuts them
//	SIGHUP            read the configuration again
//
// It returns when serve does.
func runAsService(ctx context.Context, serve func(context.Context, orders) error) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	defer signal.Stop(signals)
	o := newOrders()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, o) }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				o.reloadNow()
			} else {
				o.stopNow()
			}
		}
	}
}
