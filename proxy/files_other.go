//go:build !unix

package proxy

import "syscall"

// openFilesLimit returns how many files, sockets included, the process may have open: here the
// system has no limit that would be reached first.
func openFilesLimit() int { return manyOpenFiles }

// descriptorOf returns -1: here numbers tell nothing.
func descriptorOf(syscall.RawConn) int { return -1 }
