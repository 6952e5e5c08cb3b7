//go:build !linux

package daemon

import (
	"net"
	"time"
)

// Only systemd is notified; service_windows.go responds to the service control manager.

func tellReady(string)                          {}
func tellReloading()                            {}
func tellStopping(time.Duration)                {}
func keepWatchdog(func()) (stop func())         { return func() {} }
func inheritListeners() ([]net.Listener, error) { return nil, nil }
