//go:build unix

package review

import (
	"os"
	"syscall"
)

// lockFlags open the lock file. A link is not followed: whoever may write beside the configuration could have root make a file anywhere. A
// named pipe is not waited for.
const lockFlags = os.O_CREATE | os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
