package egress

import (
	"syscall"
	"webproxy/internal/proxystatus"

	"golang.org/x/sys/windows"
)

// errnoWord is the RFC 9209 word for an error of a socket call. Winsock has its own numbers; the system never returns
// package syscall's POSIX names here.
func errnoWord(errno syscall.Errno) string {
	switch errno {
	case windows.WSAECONNREFUSED, windows.ERROR_CONNECTION_REFUSED:
		return proxystatus.Refused
	case windows.WSAETIMEDOUT, windows.ERROR_SEM_TIMEOUT:
		return proxystatus.Timeout
	case windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.ERROR_NETNAME_DELETED:
		return proxystatus.Terminated
	case windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH, windows.WSAENETDOWN, windows.WSAEHOSTDOWN,
		windows.WSAEAFNOSUPPORT, windows.WSAEACCES,
		windows.ERROR_NETWORK_UNREACHABLE, windows.ERROR_HOST_UNREACHABLE:
		return proxystatus.Unroutable
	case windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEADDRNOTAVAIL:
		return proxystatus.LimitReached
	}
	return proxystatus.Unavailable
}

// isNoLocalAddr reports whether the system had no address or port to dial from.
func isNoLocalAddr(errno syscall.Errno) bool { return errno == windows.WSAEADDRNOTAVAIL }
