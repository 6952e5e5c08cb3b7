package audit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Summarise makes the summaries that are missing for compressed files in dir, until ctx is done, and removes those of
// files that are gone. Reports make them too; made when the files are compressed, they spare the first report the
// wait. It uses one processor.
func Summarise(ctx context.Context, dir string) error {
	p, err := newPass(dir, &ScanOptions{})
	if err != nil {
		return err
	}
	defer p.close()
	var errs []error
	for i, s := range p.files {
		if p.isLive(i) || !s.summarised() {
			continue
		}
		// One that does not match its file is replaced when it is read: checking all of them each hour would be
		// expensive.
		if _, err := os.Lstat(summaryPath(dir, s)); errors.Is(err, fs.ErrNotExist) {
			_, err := p.makeSummary(i)
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
	return errors.Join(append(errs, removeOrphans(dir, p.files))...)
}

// removeOrphans removes the summaries of files that do not exist any more.
func removeOrphans(dir string, files []segment) error {
	has := map[string]bool{}
	for _, s := range files {
		has[filepath.Base(summaryPath(dir, s))] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), summarySuffix)
		if !ok || has[e.Name()] {
			continue
		}
		if s, ok := parseSegment(name + suffix); ok && s.ours() {
			if err := os.Remove(filepath.Join(dir, e.Name())); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
