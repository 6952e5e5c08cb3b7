//go:build !unix

package proxy

import "net"

// frontGets is not set where a connection at rest cannot be asked whether bytes are waiting.
const frontGets = false

func isQuiet(*net.TCPConn) bool { return false }
