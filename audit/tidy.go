package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"webproxy/internal/atomicfile"

	"github.com/klauspost/compress/gzip"
)

// tidyEvery is how often Maintain looks for files to delete when nothing is rotated.
const tidyEvery = time.Hour

// Maintain keeps the log in order until ctx is done and its work has stopped: it syncs at the interval of
// Options.Sync, seals every minute, writes a tree head every second, writes counts of denials
// (Options.AggregateWindow), checks every minute whether there is room (CheckRoom), and calls Tidy at once, after
// each rotation and every hour. Errors are passed to report, which is called concurrently; the work goes on. Call it
// on a goroutine, and wait for that before Close.
func (l *Log) Maintain(ctx context.Context, report func(error)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	// Each separately: compressing a file takes longer than the others can wait.
	every := func(interval time.Duration, do func() error) {
		if interval > 0 {
			wg.Go(func() { repeat(ctx, interval, do, report) })
		}
	}
	every(time.Duration(l.options.Sync), l.Sync)
	every(sealEvery, l.Seal)
	every(leadEvery, l.lead)
	every(l.aggregator.window/4, l.flushOver)
	every(roomEvery, l.CheckRoom)
	every(goneEvery, l.look)
	for _, err := range []error{l.CheckRoom(), l.headError()} {
		if err != nil {
			report(err)
		}
	}
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := l.Tidy(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.rotated:
		case <-tick.C:
		}
	}
}

// goneEvery is how often Maintain checks whether the directory exists.
const goneEvery = 250 * time.Millisecond

// look checks whether the directory exists.
func (l *Log) look() error {
	_, err := os.Stat(l.options.Dir)
	l.gone.Store(errors.Is(err, fs.ErrNotExist))
	return nil
}

// Gone reports whether the directory of the log did not exist when Maintain last checked, a moment ago: then no
// record can be written until it is created again. It does not block.
func (l *Log) Gone() bool { return l.gone.Load() }

// repeat does something at an interval, until ctx is done.
func repeat(ctx context.Context, interval time.Duration, do func() error, report func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := do(); err != nil {
			report(err)
		}
	}
}

// Tidy seals the log, compresses rotated files and puts summaries beside them, and deletes old ones, as
// Options.Retain and RetainSize say: the oldest first, and not without a record of type system.retain. It never
// touches the live file, a file that another program rotated, or a file younger than that. Whenever it is stopped, by
// ctx or by a crash, no record is lost or doubled, and the next call continues.
func (l *Log) Tidy(ctx context.Context) error {
	l.tidying.Lock()
	defer l.tidying.Unlock()
	l.mu.Lock()
	errs := []error{l.rotateErr}
	l.rotateErr = nil
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return fmt.Errorf("tidy audit log: %w", os.ErrClosed)
	}
	errs = append(errs, l.Seal()) // nothing may be deleted before it is sealed
	fail := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("tidy audit log: %w", err))
		}
	}
	fail(removeUnfinished(l.options.Dir))
	rotated, _, err := segments(l.options.Dir)
	fail(err)
	rotated, err = l.retainAge(rotated, time.Now())
	fail(err)
	for _, s := range rotated {
		if ctx.Err() != nil {
			errs = append(errs, ctx.Err())
			break
		}
		if s.ours() && !s.gz {
			fail(l.shrink(ctx, s))
		}
	}
	if ctx.Err() == nil {
		fail(Summarise(ctx, l.options.Dir))
	}
	fail(l.retainSize(rotated))
	return errors.Join(errs...)
}

// shrink compresses a rotated file.
func (l *Log) shrink(ctx context.Context, s segment) error {
	dir := l.options.Dir
	if s.twice { // a crash before the plain file was removed, or somebody's own gzip
		same, err := sameContent(ctx, dir, s)
		if err != nil {
			return err
		}
		if same {
			return os.Remove(filepath.Join(dir, s.name))
		}
	}
	return compress(ctx, dir, s)
}

// compress replaces a plain file by a compressed one. The plain file is removed only when the other is on disk, under
// its name, and was read back.
func compress(ctx context.Context, dir string, s segment) (err error) {
	plain := filepath.Join(dir, s.name)
	temp := plain + gzSuffix + tempSuffix
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	if err := writeCompressed(ctx, plain, temp); err != nil {
		return fmt.Errorf("compress %s: %w", s.name, err)
	}
	if err := os.Rename(temp, plain+gzSuffix); err != nil {
		return err
	}
	if err := atomicfile.SyncDir(dir); err != nil {
		return err
	}
	same, err := sameContent(ctx, dir, s)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("compress %s: what was written reads back as something else", s.name)
	}
	return os.Remove(plain)
}

func writeCompressed(ctx context.Context, from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if err := removeIfThere(to); err != nil {
		return err
	}
	dst, err := openOwn(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	z := gzip.NewWriter(dst)
	z.Name, z.ModTime = filepath.Base(from), info.ModTime()
	for err == nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, err = io.CopyN(z, src, 1<<20)
	}
	if err != io.EOF {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return dst.Sync()
}

// sameContent reports whether the two files of a segment have the same content. A compressed file that cannot be read
// is not an error: they do not.
func sameContent(ctx context.Context, dir string, s segment) (bool, error) {
	plain, err := os.Open(filepath.Join(dir, s.name))
	if err != nil {
		return false, err
	}
	defer plain.Close()
	s.gz = true
	gz, err := openSegment(dir, s)
	if err != nil {
		return false, nil
	}
	defer gz.Close()
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		n, err := io.ReadFull(plain, a)
		m, gzErr := io.ReadFull(gz, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
		switch {
		case err == nil && gzErr == nil:
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return gzErr == err, nil
		default:
			return false, err
		}
	}
}

// removeUnfinished removes what a crash in the middle of compress left.
func removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), gzSuffix+tempSuffix)
		if s, known := parseSegment(name); ok && known && s.ours() {
			errs = append(errs, removeIfThere(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
