package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"

	"webproxy/internal/smallfile"
)

// crashFile is the file for the output of a crash: beside log.file, or for an unattended service in the directory log beside the
// configuration, if it exists; else empty, and the output goes to standard error.
func (d *daemon) crashFile(unattended bool) string {
	const name = "webproxy-crash.txt"
	if d.cfg.Log.File != "" {
		return filepath.Join(filepath.Dir(d.cfg.Log.File), name)
	}
	dir := filepath.Join(filepath.Dir(d.cfg.Path), "log")
	if info, err := os.Stat(dir); !unattended || d.cfg.Path == "" || err != nil || !info.IsDir() {
		return ""
	}
	return filepath.Join(dir, name)
}

// keepCrashes directs the output of a crash of this process to a file until the returned function is called. An earlier crash is
// logged once, and its file is renamed, with its time in the name.
func (d *daemon) keepCrashes(unattended bool) (stop func(), err error) {
	stop = func() {}
	path := d.crashFile(unattended)
	if path == "" {
		return stop, nil
	}
	if err := d.tellCrash(path); err != nil {
		return stop, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return stop, err
	}
	defer f.Close() // the runtime has a handle of its own
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return stop, err
	}
	return func() {
		debug.SetCrashOutput(nil, debug.CrashOptions{})
		os.Remove(path)
	}, nil
}

// tellCrash logs the output of a crash in the file, and renames the file.
func (d *daemon) tellCrash(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	kept := strings.TrimSuffix(path, ".txt") + "-" + info.ModTime().UTC().Format("20060102T150405Z") + ".txt"
	text, err := smallfile.Read(path, 16<<20)
	if err != nil {
		text = []byte(err.Error())
	}
	const most = 8 << 10 // an event takes 31,839 characters
	d.log.Error("the last run of the proxy crashed", zap.String("file", kept), zap.Time("at", info.ModTime().Round(time.Second)), zap.String("output", string(text[:min(len(text), most)])))
	if err := os.Rename(path, kept); err != nil {
		return fmt.Errorf("keep the output of a crash: %w", err)
	}
	return nil
}
