package proxy

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// errnoWord is the RFC 9209 word for what a socket call said. Winsock has numbers of its own;
// package syscall's POSIX names never come from the system here.
func errnoWord(errno syscall.Errno) string {
	switch errno {
	case windows.WSAECONNREFUSED, windows.ERROR_CONNECTION_REFUSED:
		return wordRefused
	case windows.WSAETIMEDOUT, windows.ERROR_SEM_TIMEOUT:
		return wordTimeout
	case windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.ERROR_NETNAME_DELETED:
		return wordTerminated
	case windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH, windows.WSAENETDOWN, windows.WSAEHOSTDOWN,
		windows.WSAEAFNOSUPPORT, windows.WSAEACCES,
		windows.ERROR_NETWORK_UNREACHABLE, windows.ERROR_HOST_UNREACHABLE:
		return wordUnroutable
	case windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEADDRNOTAVAIL:
		return wordLimitReached
	}
	return wordUnavailable
}

// isNoLocalAddr reports whether the system had no address or port to dial from.
func isNoLocalAddr(errno syscall.Errno) bool { return errno == windows.WSAEADDRNOTAVAIL }
