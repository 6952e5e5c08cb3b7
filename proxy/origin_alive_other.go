//go:build !unix

package proxy

import "net"

// fastGetsWork is not set where an idle connection cannot be asked whether bytes are waiting.
const fastGetsWork = false

func isIdleAlive(*net.TCPConn) bool { return false }
