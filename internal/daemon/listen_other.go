//go:build !linux && !windows

package daemon

import "net"

// listenTCP listens on addr; package net has the system look for clients that are gone.
func listenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
