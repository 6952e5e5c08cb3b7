package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Tail calls fn with the last n records of the log in dir that q matches, oldest first, and their lines. It reads no
// more of the log than it must.
func Tail(dir string, n int, q *Query, fn func(r *Record, line string) error) (Stats, error) {
	o := ScanOptions{Where: q}
	p, err := newPass(dir, &o)
	if err != nil {
		return Stats{}, err
	}
	defer p.close()
	var parts [][]string // the youngest file first
	var files []*fileStats
	for i := len(p.files) - 1; i >= 0 && n > 0; i-- {
		if sum := p.ruledOut(i); sum != nil {
			files = append(files, sum.stats())
			continue
		}
		s := p.scanner(i)
		s.keep = true
		var last []string
		s.each(func(_ *Record, line string) bool {
			if last = append(last, line); len(last) >= 2*n { // moved seldom, so that each line is moved once
				last = append(last[:0], last[len(last)-n:]...)
			}
			return true
		})
		last = last[max(len(last)-n, 0):]
		n -= len(last)
		parts = append(parts, last)
		files = append(files, &s.stats)
	}
	var stats Stats
	for i := len(files) - 1; i >= 0; i-- {
		stats.add(files[i])
	}
	for i := len(parts) - 1; i >= 0; i-- {
		for _, line := range parts[i] {
			r, err := Decode([]byte(line))
			if err == nil {
				err = fn(&r, line)
			}
			if err != nil {
				return stats, err
			}
		}
	}
	return stats, nil
}

// followEvery is how often Follow looks for new records.
const followEvery = 250 * time.Millisecond

// Follow calls fn with every record after the one with the sequence number after, as they are written, until ctx is
// done; then it returns nil. It follows the log through rotation, and across a restart of the proxy, and waits for a
// log that does not exist yet. Lines that are not records are passed to bad. The record is fn's until it returns, its strings and
// the line for good.
func Follow(ctx context.Context, dir string, after uint64, fn func(r *Record, line string) error, bad func(BadLine)) error {
	return follow(ctx, &follower{dir: dir, last: after, fn: fn, bad: bad, keep: true})
}

// FollowShared is Follow for callers that keep little of what they see: the line and the strings of a record share memory with many
// of their neighbours, which strings.Clone does not keep. Following costs about a third of Follow.
func FollowShared(ctx context.Context, dir string, after uint64, fn func(r *Record, line string) error, bad func(BadLine)) error {
	return follow(ctx, &follower{dir: dir, last: after, fn: fn, bad: bad})
}

func follow(ctx context.Context, f *follower) error {
	defer f.close()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := f.poll(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// A follower reads the live file as it grows.
type follower struct {
	dir   string
	last  uint64   // sequence number of the last record passed to fn
	file  *os.File // nil: none is open
	pos   int64    // after the last block of whole lines read
	line  int      // its number
	polls int      // polls since it last looked for another live file
	fn    func(*Record, string) error
	bad   func(BadLine)
	keep  bool // fn may keep strings

	blocks lineBlocks
	record Record // the present one
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// poll passes on what is new.
func (f *follower) poll() error {
	if f.file != nil {
		if err := f.read(); err != nil {
			return err
		}
		same, err := f.current()
		if err != nil || same {
			return err
		}
		// The last lines may have come between reading and the check of the name.
		if err := f.read(); err != nil {
			return err
		}
		f.close()
	}
	return f.open()
}

// manyPolls is the number of polls after which all names are checked.
const manyPolls = 20

// current reports whether the open file is the live one, and was not cut.
func (f *follower) current() (bool, error) {
	if _, err := os.Stat(filepath.Join(f.dir, besideName(f.last+1))); err == nil {
		if filepath.Base(f.file.Name()) != besideName(f.last+1) {
			return false, nil
		}
	} else if f.polls++; f.polls >= manyPolls { // its number is another if lines cannot be read
		f.polls = 0
		if _, live, err := segments(f.dir); err == nil && live != filepath.Base(f.file.Name()) {
			return false, nil
		}
	}
	mine, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(f.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(mine, named) && mine.Size() >= f.pos, nil
}

// open opens the live file anew, and first passes on what was rotated in the meantime.
func (f *follower) open() error {
	all, file, err := snapshot(f.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && file == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow audit log: %w", err)
	}
	f.file, f.pos, f.line = file, 0, 0
	if err := f.rotated(all); err != nil {
		return err
	}
	return f.read()
}

// rotated passes on the records after f.last that are in rotated files.
func (f *follower) rotated(all []segment) error {
	p := &pass{dir: f.dir, options: &ScanOptions{}, files: all}
	for i := range all {
		if i+1 < len(all) && all[i+1].first <= f.last+1 {
			continue // all its records are before the first of the next file
		}
		s := p.scanner(i)
		s.keep = f.keep
		var failed error
		s.each(func(r *Record, line string) bool {
			failed = f.tell(r, line)
			return failed == nil
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

func (f *follower) tell(r *Record, line string) error {
	if r.Seq <= f.last {
		return nil
	}
	f.last = r.Seq
	return f.fn(r, line)
}

// read passes on the whole lines after f.pos.
func (f *follower) read() error {
	info, err := f.file.Stat()
	if err != nil || info.Size() <= f.pos {
		return err
	}
	from := f.pos
	f.blocks.reset(io.NewSectionReader(f.file, from, info.Size()-from))
	for err == nil {
		var b block
		b, err = f.blocks.next()
		f.pos = from + f.blocks.whole()
		if b.long {
			f.line++
			f.bad(BadLine{filepath.Base(f.file.Name()), f.line, errLong})
		}
		for line := range b.lines() {
			f.line++
			if err := f.readLine(line, b.valid); err != nil {
				return err
			}
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func (f *follower) readLine(line string, valid bool) error {
	if f.keep {
		line = strings.Clone(line)
	}
	f.record = Record{}
	if err := f.record.decodeText(line, valid); err != nil {
		f.bad(BadLine{filepath.Base(f.file.Name()), f.line, err})
		return nil
	}
	return f.tell(&f.record, line)
}
