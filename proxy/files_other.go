//go:build !unix

package proxy

// openFilesLimit returns how many files, sockets included, the process may have open: here the
// system has no limit that would be reached first.
func openFilesLimit() int { return manyOpenFiles }
