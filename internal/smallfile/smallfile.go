// Package smallfile reads the files that a configuration names: certificates, keys, credentials, lists. Somebody who may replace
// such a file must not be able to make the reader hang: only regular files are read, of bounded size, in a bounded time. A named
// pipe, or a file on a server that is down, would otherwise block for ever.
//
//	data, err := smallfile.Read("proxy.crt", 1<<20)
package smallfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"webproxy/internal/sharedfile"
)

// Patience is how long Read waits for a file's disk.
const Patience = 5 * time.Second

// holdPatience is how long Read waits for a file that is opened exclusively, which Windows allows. It is less than Patience, so that
// the error differs from that of a disk that does not respond.
const holdPatience = 3 * time.Second

// ErrHangs is the error of Read after Patience.
var ErrHangs = errors.New("its disk does not answer")

// A Reader reads files, and does not read a file again while an earlier read of it hangs. The zero Reader is ready to use; it is
// safe for concurrent use. A read that hangs keeps one goroutine for each path until the disk responds.
type Reader struct {
	// Patience is how long a read may take. If zero, it is Patience.
	Patience time.Duration

	mu    sync.Mutex // guards what follows
	hangs map[string]bool
}

// Read reads the file at path by a Reader of its own.
func Read(path string, limit int64) ([]byte, error) { return new(Reader).Read(path, limit, nil) }

// Read returns the contents of the regular file at path, or that a symbolic link there leads to. A file of more than limit bytes is
// an error. If allow is not nil, it is called with the open file first, and may refuse it. Errors are *fs.PathError, except those
// of allow.
func (r *Reader) Read(path string, limit int64, allow func(*os.File) error) ([]byte, error) {
	var data []byte
	err := r.bounded(path, func() (func(), error) {
		got, err := read(path, limit, allow)
		return func() { data = got }, err
	})
	return data, err
}

// Stat is os.Stat in a bounded time.
func (r *Reader) Stat(path string) (info fs.FileInfo, err error) {
	err = r.bounded(path, func() (func(), error) {
		got, err := os.Stat(path)
		return func() { info = got }, err
	})
	return info, err
}

// ReadDir is os.ReadDir in a bounded time.
func (r *Reader) ReadDir(path string) (entries []fs.DirEntry, err error) {
	err = r.bounded(path, func() (func(), error) {
		got, err := os.ReadDir(path)
		return func() { entries = got }, err
	})
	return entries, err
}

// Do calls do, which may wait for the disk of path, in a goroutine and in a bounded time. If it ends in time, the caller's goroutine
// calls the function that it returns; else that is not called.
func (r *Reader) Do(path string, do func() (func(), error)) error { return r.bounded(path, do) }

// Resolve is filepath.EvalSymlinks in a bounded time.
func (r *Reader) Resolve(path string) (resolved string, err error) {
	err = r.bounded(path, func() (func(), error) {
		got, err := filepath.EvalSymlinks(path)
		return func() { resolved = got }, err
	})
	return resolved, err
}

// bounded calls do, and if it ends in time the function that it returns.
func (r *Reader) bounded(path string, do func() (func(), error)) error {
	hangs := &fs.PathError{Op: "read", Path: path, Err: ErrHangs}
	r.mu.Lock()
	waiting := r.hangs[path]
	r.mu.Unlock()
	if waiting {
		return hangs
	}
	type result struct {
		take func()
		err  error
	}
	done := make(chan result, 1)
	go func() {
		take, err := do()
		done <- result{take, err}
		r.mu.Lock()
		delete(r.hangs, path)
		r.mu.Unlock()
	}()
	patience := r.Patience
	if patience == 0 {
		patience = Patience
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case got := <-done:
		if got.err == nil {
			got.take()
		}
		return got.err
	case <-timer.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case got := <-done: // just now
		if got.err == nil {
			got.take()
		}
		return got.err
	default:
	}
	if r.hangs == nil {
		r.hangs = map[string]bool{}
	}
	r.hangs[path] = true
	return hangs
}

// ReadText is Read without allow for what becomes a string: the file is in memory once. Sum is the SHA-256 of it. If pause is not
// nil, it is called after each piece, by another goroutine, and may wait.
func (r *Reader) ReadText(path string, limit int64, pause func()) (text string, sum [sha256.Size]byte, err error) {
	err = r.bounded(path, func() (func(), error) {
		var b strings.Builder
		got, err := readPieces(path, limit, pause, b.Grow, func(piece []byte) { b.Write(piece) })
		return func() { text, sum = b.String(), got }, err
	})
	return text, sum, err
}

// Sum is the SHA-256 of what Read would return; nothing of it is kept in memory. Pause is as in ReadText.
func (r *Reader) Sum(path string, limit int64, pause func()) (sum [sha256.Size]byte, err error) {
	err = r.bounded(path, func() (func(), error) {
		got, err := readPieces(path, limit, pause, func(int) {}, func([]byte) {})
		return func() { sum = got }, err
	})
	return sum, err
}

// pieces are buffers for readPieces.
var pieces = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// readPieces reads the file at path and hands each piece of it to take, after it has told grow how large the file is.
func readPieces(path string, limit int64, pause func(), grow func(size int), take func(piece []byte)) (sum [sha256.Size]byte, err error) {
	f, length, err := open(path, limit, nil)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	grow(int(length))
	h, from := sha256.New(), io.LimitReader(f, limit+1)
	buf := pieces.Get().(*[64 << 10]byte)
	defer pieces.Put(buf)
	for read := int64(0); ; {
		n, err := from.Read(buf[:])
		if read += int64(n); read > limit {
			return sum, tooLarge(path, limit)
		}
		h.Write(buf[:n])
		take(buf[:n])
		switch {
		case err == io.EOF:
			return [sha256.Size]byte(h.Sum(nil)), nil
		case err != nil:
			return sum, err
		case pause != nil:
			pause()
		}
	}
}

// open opens the regular file at path, and returns its size, which is at most limit. The caller closes it.
func open(path string, limit int64, allow func(*os.File) error) (f *os.File, length int64, err error) {
	info, err := os.Stat(path) // before it is opened: that may have effects, of a device for one
	if perr := (*fs.PathError)(nil); errors.As(err, &perr) {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: perr.Err}
	}
	if err != nil {
		return nil, 0, err
	}
	if err := regular(path, info); err != nil {
		return nil, 0, err
	}
	if f, err = sharedfile.Open(path, holdPatience); err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info)
	}
	if err == nil && allow != nil {
		err = allow(f)
	}
	if err == nil && info.Size() > limit {
		err = tooLarge(path, limit)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func read(path string, limit int64, allow func(*os.File) error) ([]byte, error) {
	f, length, err := open(path, limit, allow)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := bytes.NewBuffer(make([]byte, 0, length+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit { // it has grown, or is of a kind that has no size
		return nil, tooLarge(path, limit)
	}
	return data.Bytes(), nil
}

func refused(path, format string, args ...any) error {
	return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf(format, args...)}
}

func tooLarge(path string, limit int64) error { return refused(path, "is larger than %s", size(limit)) }

func regular(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return refused(path, "is a directory")
	case !info.Mode().IsRegular():
		return refused(path, "is not a regular file")
	}
	return nil
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// ErrUTF16 is why Text does not take a file.
var ErrUTF16 = errors.New("the file is UTF-16: save it as UTF-8")

// Text returns data without the byte order mark that some editors put before UTF-8. A file in UTF-16 is an error.
func Text(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}
