package audit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/setting"
)

func TestTidyCompresses(t *testing.T) {
	dir := t.TempDir()
	l := open(t, small(dir))
	fill(t, l, dir, 3)
	last := l.Recent(1)[0].Seq
	for range 2 { // the second time there is nothing to do
		if err := l.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		files := rotated(t, dir)
		for _, f := range files {
			if !strings.HasSuffix(f, ".ndjson.gz") {
				t.Errorf("%s is left", f)
			}
		}
		if len(files) != 3 || len(summaries(t, dir)) != 3 {
			t.Errorf("%d files and %d summaries, want 3", len(files), len(summaries(t, dir)))
		}
		wantWhole(t, dir, last)
	}
	// any gzip reads it
	f, err := os.Open(rotated(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil || z.Name+".gz" != filepath.Base(f.Name()) {
		t.Errorf("the file within has the name %q, %v", z.Name, err)
	}
}

func TestTidyAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, small(dir))
	fill(t, l, dir, 1)
	last := l.Recent(1)[0].Seq
	plain := rotated(t, dir)[0]
	text := audittest.Contents(t, plain)
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	gz := audittest.Contents(t, plain+".gz")
	l.Close()

	tests := []struct {
		name  string
		files map[string]string
	}{
		{"before compressing", map[string]string{plain: text}},
		{"while compressing", map[string]string{plain: text, plain + ".gz.tmp": gz[:len(gz)/2]}},
		{"before the rename", map[string]string{plain: text, plain + ".gz.tmp": gz}},
		{"before the plain file is removed", map[string]string{plain: text, plain + ".gz": gz}},
		{"another's gzip", map[string]string{plain: text, plain + ".gz": gz[:len(gz)/2]}},
		{"another's gzip, at its start", map[string]string{plain: text, plain + ".gz": ""}},
		{"another content", map[string]string{plain: text + "{}\n", plain + ".gz": gz}},
		{"afterwards", map[string]string{plain + ".gz": gz}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, f := range rotated(t, dir) {
				os.Remove(f)
			}
			for name, text := range tt.files {
				audittest.Write(t, name, text)
			}
			if tt.name != "another content" {
				wantWhole(t, dir, last)
			}
			l := open(t, small(dir))
			defer l.Close()
			if err := l.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if files := rotated(t, dir); len(files) != 1 || files[0] != plain+".gz" {
				t.Errorf("left are %q", files)
			}
			_, stats := read(t, dir)
			want := uint64(strings.Count(tt.files[plain], "{}\n"))
			if stats.LastSeq != last || stats.Missing+stats.Repeated != 0 || stats.Unreadable != want {
				t.Errorf("got %+v, want %d unreadable", stats, want)
			}
		})
	}
}

func TestTidyStopped(t *testing.T) {
	dir := t.TempDir()
	l := open(t, small(dir))
	fill(t, l, dir, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Tidy(ctx); err == nil {
		t.Error("Tidy did not notice")
	}
	wantWhole(t, dir, l.Recent(1)[0].Seq)
}

func TestMaintain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir, Rotate: 1 << 20, RotateEvery: setting.Duration(2 * time.Hour), Retain: setting.Duration(5 * time.Hour)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.Maintain(ctx, func(err error) { t.Error(err) })
		}()
		add(t, l, audittest.Decision())
		time.Sleep(2 * time.Hour)
		add(t, l, audittest.Decision())
		synctest.Wait()
		if files := rotated(t, dir); len(files) != 1 || !strings.HasSuffix(files[0], ".gz") {
			t.Errorf("after a rotation: %q", files)
		}
		time.Sleep(6*time.Hour + time.Minute)
		synctest.Wait()
		if files := rotated(t, dir); len(files) != 1 { // the live file was rotated for the record of it
			t.Errorf("after its retention: %q", files)
		}
		cancel()
		<-done
	})
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "audit")
	l := open(t, small(dir))
	fill(t, l, dir, 1)
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o750, live(dir): 0o640, rotated(t, dir)[0]: 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got&^want != 0 {
			t.Errorf("%s has mode %o, want at most %o", path, got, want)
		}
	}
	if !bytes.Contains([]byte(audittest.Contents(t, live(dir))), []byte("egress.decision")) {
		t.Error("no record in the live file")
	}
}
