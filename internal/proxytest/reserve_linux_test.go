package proxytest_test

import (
	"net"
	"syscall"
	"testing"

	"webproxy/internal/proxytest"
)

// Who sets SO_REUSEADDR, like package net, can listen on a reserved address; nobody else can bind to it.
func TestReserveAddr(t *testing.T) {
	addr, release, err := proxytest.ReserveAddr()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != syscall.EADDRINUSE {
		t.Errorf("bind to %s: %v, want %v", addr, err, syscall.EADDRINUSE)
	}
}
