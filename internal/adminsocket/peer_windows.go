package adminsocket

import (
	"errors"
	"fmt"
	"net"
	"runtime"

	"golang.org/x/sys/windows"
)

// actorOf returns the user at the other end of the pipe c, by impersonating the client for a moment. Windows allows that only after
// something was read from the pipe, which net/http has done by then.
func actorOf(c net.Conn) (Actor, error) {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return Actor{}, errors.New("not a named pipe")
	}
	sid, err := clientOf(windows.Handle(pipe.Fd()))
	if err != nil {
		return Actor{}, fmt.Errorf("client of the pipe: %w", err)
	}
	return Actor{Name: nameOf(sid.String(), func() (string, error) {
		account, domain, _, err := sid.LookupAccount("")
		if err != nil {
			return "", err
		}
		if domain == "" {
			return account, nil
		}
		return domain + `\` + account, nil
	})}, nil
}

// clientOf returns the user of a pipe's client.
func clientOf(pipe windows.Handle) (*windows.SID, error) {
	impersonate := windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")
	if err := impersonate.Find(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	if ok, _, err := impersonate.Call(uintptr(pipe)); ok == 0 {
		runtime.UnlockOSThread()
		return nil, err
	}
	var token windows.Token
	err := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token)
	if back := windows.RevertToSelf(); back != nil {
		return nil, back // the thread stays locked, and ends with its goroutine: nothing else may run on it
	}
	runtime.UnlockOSThread()
	if err != nil {
		return nil, err
	}
	defer token.Close()
	u, err := token.GetTokenUser()
	if err != nil {
		return nil, err
	}
	return u.User.Sid.Copy()
}
