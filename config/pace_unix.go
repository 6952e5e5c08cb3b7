//go:build unix

package config

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

// A way lets everything run that is ready to, and everything for which the network has data. runtime.Gosched does
// not: with nothing else ready to run, the scheduler returns before it polls the network, which is then polled every
// 10 ms only. Sleeping takes a millisecond at least. So the goroutine waits for a byte that it has just sent to
// itself: the scheduler finds it when it polls the network, which it does when it has nothing else to do. The zero
// way is ready to use.
type way struct {
	mu      sync.Mutex // one goroutine waits at a time; guards the fields below
	made    bool
	in, out *os.File // of a pipe; nil if there is none
}

// give returns when all others have had their turn.
func (w *way) give() {
	if w.wait() != nil {
		sleep()
		return
	}
	runtime.Gosched() // goroutines that the network has made ready may be queued after this one
}

// wait sends a byte and waits for it.
func (w *way) wait() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.made {
		w.made = true
		if in, out, err := os.Pipe(); err == nil {
			w.in, w.out = in, out
		}
	}
	if w.in == nil {
		return os.ErrClosed
	}
	conn, err := w.in.SyscallConn()
	if err != nil {
		return err
	}
	var (
		b    [1]byte
		sent bool
		fail error
	)
	err = conn.Read(func(fd uintptr) bool {
		if !sent { // not before: an event that arrives now belongs to this wait
			sent = true
			_, fail = w.out.Write(b[:])
			return fail != nil
		}
		for {
			_, fail = syscall.Read(int(fd), b[:])
			if fail != syscall.EINTR {
				break
			}
		}
		return fail != syscall.EAGAIN
	})
	if err != nil {
		return err
	}
	return fail
}

func (w *way) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made = true
	if w.in != nil {
		w.in.Close()
		w.out.Close()
		w.in, w.out = nil, nil
	}
}
