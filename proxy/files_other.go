//go:build !unix

package proxy

import "syscall"

// openFilesLimit returns how many files, sockets included, the process may have open. On this system no such limit is
// reached first.
func openFilesLimit() int { return manyOpenFiles }

// descriptorOf returns -1: on this system descriptor numbers say nothing.
func descriptorOf(syscall.RawConn) int { return -1 }
