package review

import "os"

// lockFlags open the lock file.
const lockFlags = os.O_CREATE | os.O_RDONLY
