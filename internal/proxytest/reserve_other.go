//go:build !linux

package proxytest

import "net"

// ReserveAddr returns a loopback address on which nobody listened a moment ago: other systems let no process
// listen where another holds the address.
func ReserveAddr() (addr string, release func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return ln.Addr().String(), func() {}, ln.Close()
}
