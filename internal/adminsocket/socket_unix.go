//go:build !windows

package adminsocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxPath bounds a socket's path in bytes: sun_path without its last zero (unix(7)); other systems than Linux have 4 less.
const maxPath = 103

// stagingName is as long as the longest path, below the socket's directory, of a socket that is being made.
const stagingName = "/.w4294967295/s"

// DefaultPath is the socket's path for a proxy whose audit log is in dir: beside that directory, where only the proxy can write.
func DefaultPath(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Clean(dir) + ".sock"
}

// CheckPath says what is wrong with a path for a socket.
func CheckPath(path string) error {
	if len(path) == 0 {
		return errors.New("no path")
	}
	if n := max(len(path), len(filepath.Dir(path))+len(stagingName)); n > maxPath {
		return fmt.Errorf("%q is %d bytes too long for a socket", path, n-maxPath)
	}
	return nil
}

// Listen makes the socket at path, and its directory if needed. Only the user of this process and root can ever open it: it is
// made in a directory of its own, gets its mode there, and is then moved to path. The socket of a process that has ended is
// replaced; it is an error if a process listens there, or if another kind of file is there. Closing the listener removes the
// socket. Listen may hang with the disk.
func Listen(path string) (net.Listener, error) {
	if err := CheckPath(path); err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if err := free(path); err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	ln, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	return ln, nil
}

// free returns nil if a socket may be put at path.
func free(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file of that name, which is not a socket")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := dial(ctx, path)
	switch {
	case err == nil:
		c.Close()
		return errors.New("another process listens there")
	case isRefused(err) || errors.Is(err, fs.ErrNotExist):
		return nil // its process has ended
	}
	return fmt.Errorf("another process may listen there: %w", err)
}

func listen(path string) (ln net.Listener, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, ".w*") // of mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(own)
	made := filepath.Join(own, "s")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	socket.SetUnlinkOnClose(false)
	defer func() {
		if err != nil {
			socket.Close()
		}
	}()
	if err := os.Chmod(made, 0o600); err != nil {
		return nil, err
	}
	info, err := os.Lstat(made)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(made, path); err != nil {
		return nil, err
	}
	return &listener{UnixListener: socket, path: path, info: info}, nil
}

// A listener removes its socket when it is closed.
type listener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

// Close implements net.Listener. A socket that another process has put in the place of this one stays.
func (l *listener) Close() error {
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// dial connects to the socket at path. The path may be on a disk that hangs, which only ends the wait with ctx.
func dial(ctx context.Context, path string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() { // ends when the disk responds
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		select {
		case done <- result{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				conn.Close()
			}
		}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
