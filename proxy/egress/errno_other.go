//go:build !windows

package egress

import (
	"syscall"
	"webproxy/internal/proxystatus"
)

// errnoWord is the RFC 9209 word for an error of a socket call.
func errnoWord(errno syscall.Errno) string {
	switch errno {
	case syscall.ECONNREFUSED:
		return proxystatus.Refused
	case syscall.ETIMEDOUT:
		return proxystatus.Timeout
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return proxystatus.Terminated
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN,
		syscall.EAFNOSUPPORT, syscall.EACCES, syscall.EPERM: // the last two: a local packet filter
		return proxystatus.Unroutable
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL:
		return proxystatus.LimitReached
	}
	return proxystatus.Unavailable
}

// isNoLocalAddr reports whether the system had no address or port to dial from.
func isNoLocalAddr(errno syscall.Errno) bool { return errno == syscall.EADDRNOTAVAIL }
