package proxy

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A flowWaiter waits for the sources of parked flows: with one epoll(7) for all, for which in turn the runtime's
// poller waits, in one goroutine. The zero value is ready.
type flowWaiter struct {
	mu     sync.Mutex // guards what follows; taken after tunnel.mu
	file   *os.File   // the epoll instance; nil if there is none yet
	fd     int        // its
	failed bool       // it could not be created
	parked map[int32]*tunnelFlow
	wg     sync.WaitGroup
	closed bool
}

// canPark reports whether there is a way to wait for f's source.
func (f *tunnelFlow) canPark() bool {
	_, isTCP := f.src.(*net.TCPConn)
	return isTCP && !f.fixed
}

// dropRaw drops what prepare made.
func (f *tunnelFlow) dropRaw() { f.raw = rawFlow{full: f.raw.full, noSplice: f.raw.noSplice} }

// wait has tunnel.ready called for f once its source can be read, or has ended. It reports false if that is not
// possible.
func (w *flowWaiter) wait(f *tunnelFlow) bool {
	raw, err := f.src.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.open() {
		return false
	}
	added := false
	err = raw.Control(func(fd uintptr) {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(fd)}
		err := unix.EpollCtl(w.fd, unix.EPOLL_CTL_ADD, int(fd), &event)
		if err == unix.EEXIST { // it was parked before
			err = unix.EpollCtl(w.fd, unix.EPOLL_CTL_MOD, int(fd), &event)
		}
		if added = err == nil; added {
			f.raw.fd = int32(fd)
			w.parked[f.raw.fd] = f
		}
	})
	return err == nil && added
}

// open creates the epoll instance, once. w.mu is held.
func (w *flowWaiter) open() bool {
	if w.file != nil || w.failed || w.closed {
		return w.file != nil && !w.closed
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		w.failed = true
		return false
	}
	w.fd, w.file, w.parked = fd, os.NewFile(uintptr(fd), "epoll"), make(map[int32]*tunnelFlow)
	raw, err := w.file.SyscallConn()
	if err != nil {
		w.failed = true
		return false
	}
	w.wg.Go(func() { w.run(raw) })
	return true
}

// run resumes flows that are ready, until w is closed.
func (w *flowWaiter) run(raw syscall.RawConn) {
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			var err error
			if n, err = unix.EpollWait(int(fd), events, 0); err != nil {
				n = 0
			}
			return n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			if f := w.take(e.Fd); f != nil {
				f.tunnel.ready(f)
			}
		}
	}
}

// take removes and returns the flow that is parked with a descriptor; nil if there is none: the event may be out of
// date.
func (w *flowWaiter) take(fd int32) *tunnelFlow {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.parked[fd]
	delete(w.parked, fd)
	return f
}

// forget undoes wait. The source is closed, and the system has removed it from the epoll.
func (w *flowWaiter) forget(f *tunnelFlow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parked[f.raw.fd] == f {
		delete(w.parked, f.raw.fd)
	}
}

// close ends w. No flow is parked any more.
func (w *flowWaiter) close() {
	w.mu.Lock()
	w.closed = true
	file := w.file
	w.mu.Unlock()
	if file != nil {
		file.Close()
		w.wg.Wait()
	}
}

// ready is called when the source of f, which is parked, has something to read.
func (t *tunnel) ready(f *tunnelFlow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unpark(f)
}
