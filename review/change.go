package review

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/adminrecord"
	"webproxy/internal/atomicfile"
	"webproxy/internal/privatefile"
)

// A Change is new contents for files of a configuration, made in somebody's name.
type Change struct {
	cfg    *config.Config
	files  map[string][]byte // by absolute path
	before map[string][]byte // their contents when they were read; nil if they did not exist
}

func newChange(cfg *config.Config) Change {
	return Change{cfg: cfg, files: map[string][]byte{}, before: map[string][]byte{}}
}

// Empty reports whether nothing would be written.
func (c *Change) Empty() bool { return len(c.files) == 0 }

// ErrChanged says that somebody else wrote to a file after it had been read: nothing was written over it.
var ErrChanged = errors.New("somebody else changed it meanwhile; nothing was written")

// read returns the file at path as the change has it, else as it is on disk; nil if it does not exist.
func (c *Change) read(path string) ([]byte, error) {
	if data, ours := c.files[path]; ours {
		return data, nil
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c.before[path] = data
	return data, nil
}

// A Recording says where a decision is recorded.
type Recording struct {
	// ByProxy is why it is not recorded here: a running proxy has the log open and will record it when it applies the change,
	// or there is no log. It is nil if it was recorded here.
	ByProxy error
	// First and Last are the numbers of the records; 0 if there was nothing to record.
	First, Last uint64
}

// Commit writes the files if the configuration is valid with them; else it writes nothing. The decision is recorded by the
// running proxy, when it applies the change, or here, if no proxy runs. Each file is written whole or not at all; if a later
// one cannot be written, those before it are restored. The error is ErrChanged if a file was changed since it was read.
func (c *Change) Commit() (Recording, error) {
	var rec Recording
	next, err := config.LoadWith(c.cfg.Path, c.files)
	if err != nil {
		return rec, err
	}
	// Opened first: a proxy that starts from now on cannot miss the change, nor record it a second time.
	log, unopened := c.openLog()
	if err := c.write(); err != nil {
		if log != nil {
			err = errors.Join(err, log.Close())
		}
		return rec, err
	}
	if log == nil {
		return Recording{ByProxy: unopened}, nil
	}
	records, err := adminrecord.Between(c.cfg, next, time.Now())
	for i := range records {
		if err == nil {
			err = log.Append(&records[i])
		}
	}
	if err = errors.Join(err, log.Close()); err != nil {
		return rec, fmt.Errorf("the files are written, but not recorded: %w", err)
	}
	if n := len(records); n > 0 {
		rec.First, rec.Last = records[0].Seq, records[n-1].Seq
	}
	return rec, nil
}

// openLog opens the audit log. The error says why it is not written here: a proxy has it open, or it does not exist, and
// commands do not create one.
func (c *Change) openLog() (*audit.Log, error) {
	o := c.cfg.Audit.WithDefaults()
	if _, err := os.Stat(o.Dir); err != nil {
		return nil, err
	}
	return audit.Open(o)
}

// write writes the files in the order of their paths.
func (c *Change) write() (err error) {
	if c.Empty() {
		return nil
	}
	unlock, err := lock(c.cfg.Path, lockWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	var done []string
	before := map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		data, err := os.ReadFile(path)
		if err == nil {
			before[path] = data
		}
		if was, read := c.before[path]; read && !bytes.Equal(was, data) {
			err = fmt.Errorf("%s: %w", path, ErrChanged)
		} else if err = privatefile.MkdirAll(filepath.Dir(path), privatefile.Policy); err == nil {
			err = atomicfile.Write(path, c.files[path], 0o644)
		}
		if err != nil {
			return errors.Join(err, restore(done, before))
		}
		done = append(done, path)
	}
	return nil
}

// restore restores the contents of files; those that did not exist are removed.
func restore(paths []string, before map[string][]byte) error {
	var errs []error
	for _, path := range paths {
		if data, had := before[path]; had {
			errs = append(errs, atomicfile.Write(path, data, 0o644))
		} else {
			errs = append(errs, os.Remove(path))
		}
	}
	return errors.Join(errs...)
}
