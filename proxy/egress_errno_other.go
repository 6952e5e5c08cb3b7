//go:build !windows

package proxy

import "syscall"

// errnoWord is the RFC 9209 word for what a socket call said.
func errnoWord(errno syscall.Errno) string {
	switch errno {
	case syscall.ECONNREFUSED:
		return wordRefused
	case syscall.ETIMEDOUT:
		return wordTimeout
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return wordTerminated
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN,
		syscall.EAFNOSUPPORT, syscall.EACCES, syscall.EPERM: // the last two: a local packet filter
		return wordUnroutable
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL:
		return wordLimitReached
	}
	return wordUnavailable
}

// isNoLocalAddr reports whether the system had no address or port to dial from.
func isNoLocalAddr(errno syscall.Errno) bool { return errno == syscall.EADDRNOTAVAIL }
