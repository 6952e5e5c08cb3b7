package adminsocket

import (
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// actorOf returns the user who connected c, as the kernel recorded it then (SO_PEERCRED, unix(7)).
func actorOf(c net.Conn) (Actor, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Actor{}, errors.New("not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Actor{}, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return Actor{}, err
	}
	if failed != nil {
		return Actor{}, fmt.Errorf("peer credentials: %w", failed)
	}
	id := strconv.FormatUint(uint64(cred.Uid), 10)
	return Actor{Name: nameOf("uid "+id, func() (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})}, nil
}
