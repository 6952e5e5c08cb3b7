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
