//go:build !linux && !windows

package adminsocket

import (
	"errors"
	"net"
)

// actorOf fails: the user is known on Linux and Windows only, and a record must name one.
func actorOf(net.Conn) (Actor, error) {
	return Actor{}, errors.New("not known on this system")
}
