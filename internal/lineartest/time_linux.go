package lineartest

import (
	"runtime"
	"syscall"
	"time"
)

// rusageThread is RUSAGE_THREAD of getrusage(2).
const rusageThread = 1

// threadTime is how much processor time work takes in its own thread.
func threadTime(work func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := used(rusageThread)
	work()
	return used(rusageThread) - before
}

// processTime is how much processor time the process takes while work runs.
func processTime(work func()) time.Duration {
	before := used(syscall.RUSAGE_SELF)
	work()
	return used(syscall.RUSAGE_SELF) - before
}

func used(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
