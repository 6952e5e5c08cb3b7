//go:build unix

package proxy

import "syscall"

// openFilesLimit returns how many files, sockets included, the process may have open.
func openFilesLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return assumedOpenFiles
	}
	return int(min(uint64(limit.Cur), manyOpenFiles))
}

// descriptorOf is the number of c's descriptor; -1 if it is closed.
func descriptorOf(c syscall.RawConn) int {
	n := -1
	c.Control(func(fd uintptr) { n = int(fd) }) // an error says that it is closed
	return n
}
