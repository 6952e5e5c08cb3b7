package adminsocket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

const (
	pipes = `\\.\pipe\`
	// maxPath bounds a pipe's path, in characters (CreateNamedPipe).
	maxPath = 256
)

// DefaultPath is the pipe of a proxy whose audit log is in dir. Pipes have no directories, so each log has a name of its
// own.
func DefaultPath(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(dir))))
	return pipes + "webproxy-" + hex.EncodeToString(sum[:4])
}

// CheckPath says what is wrong with a path for a pipe.
func CheckPath(path string) error {
	name, ok := strings.CutPrefix(path, pipes)
	switch {
	case !ok || name == "" || strings.Contains(name, `\`):
		return fmt.Errorf(`%q is not a pipe: want %swebproxy, for example`, path, pipes)
	case len(path) > maxPath:
		return fmt.Errorf("%q is %d characters too long for a pipe", path, len(path)-maxPath)
	}
	return nil
}

// Listen makes the pipe at path. Its owner, SYSTEM and Administrators can open it, from this machine only. A pipe of
// that name that is there already is an error: Windows removes those of processes that have ended.
func Listen(path string) (net.Listener, error) {
	if err := CheckPath(path); err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("admin socket: own user: %w", err)
	}
	ln, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: fmt.Sprintf("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;%s)", user.User.Sid),
		InputBufferSize:    MaxBody,
		OutputBufferSize:   MaxBody,
	})
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	return ln, nil
}

// dial opens the pipe. Whoever listens there may learn the user, but not impersonate it.
func dial(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeAccessImpLevel(ctx, path, windows.GENERIC_READ|windows.GENERIC_WRITE, winio.PipeImpLevelIdentification)
}

// isRefused is of sockets: a pipe that is not there does not exist.
func isRefused(err error) bool { return errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED) }
