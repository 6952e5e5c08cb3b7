//go:build !linux && !windows

package daemon

import "net"

// ListenTCP listens on addr; package net enables keep-alive.
func ListenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
