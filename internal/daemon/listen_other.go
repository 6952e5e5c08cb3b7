//go:build !linux && !windows

package daemon

import "net"

// ListenTCP listens on addr; package net has the system look for clients that are gone.
func ListenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
