package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/adminrecord"
	"webproxy/internal/atomicfile"
)

// A change is new contents for files of a configuration, which a command makes in its user's name.
type change struct {
	cfg   *config.Config
	files map[string][]byte // by absolute path
}

// commit writes the files, if the configuration is right with them; else nothing. What was decided is
// recorded: by the running proxy, when it takes the change over, or here, if none runs. Each file is written whole or
// not at all; if a later one cannot be written, those before it are put back.
func (c *change) commit(cmd *cobra.Command) error {
	next, err := config.LoadWith(c.cfg.Path, c.files)
	if err != nil {
		return err
	}
	// Opened first: a proxy that starts from now on cannot miss the change, nor record it a second time.
	log, unopened := c.openLog()
	if err := c.write(); err != nil {
		if log != nil {
			err = errors.Join(err, log.Close())
		}
		return err
	}
	stderr := cmd.ErrOrStderr()
	if log == nil {
		fmt.Fprintf(stderr, "recorded by the proxy when it takes this over; not here: %v\n", unopened)
		return nil
	}
	records, err := adminrecord.Between(c.cfg, next, time.Now())
	for i := range records {
		if err == nil {
			err = log.Append(&records[i])
		}
	}
	if err = errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("the files are written, but not recorded: %w", err)
	}
	switch n := len(records); n {
	case 0:
	case 1:
		fmt.Fprintf(stderr, "record seq %d\n", records[0].Seq)
	default:
		fmt.Fprintf(stderr, "records seq %d to %d\n", records[0].Seq, records[n-1].Seq)
	}
	return nil
}

// openLog opens the audit log. The error says why it is not to be written here: a proxy has it open, or
// there is none, and a command is not what starts one.
func (c *change) openLog() (*audit.Log, error) {
	o := c.cfg.Audit.WithDefaults()
	if _, err := os.Stat(o.Dir); err != nil {
		return nil, err
	}
	return audit.Open(o)
}

// write writes the files in the order of their paths.
func (c *change) write() error {
	var done []string
	before := map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		data, err := os.ReadFile(path)
		if err == nil {
			before[path] = data
		}
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = atomicfile.Write(path, c.files[path], 0o644)
		}
		if err != nil {
			return errors.Join(err, restore(done, before))
		}
		done = append(done, path)
	}
	return nil
}

// restore puts back what was in files before; those that were not there are removed.
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
