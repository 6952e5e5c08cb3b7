//go:build !linux

package daemon

import (
	"net"
	"time"
)

// Only systemd wants to be told; the service control manager of Windows asks.

func tellReady(string)                          {}
func tellReloading()                            {}
func tellStopping(time.Duration)                {}
func keepWatchdog(func()) (stop func())         { return func() {} }
func inheritListeners() ([]net.Listener, error) { return nil, nil }
