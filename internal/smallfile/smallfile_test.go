package smallfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, 4); err != nil || string(got) != "text" {
		t.Errorf("Read = %q, %v", got, err)
	}
	for what, tt := range map[string]struct {
		path  string
		limit int64
		want  string
	}{
		"too large":   {path, 3, "larger than 3 bytes"},
		"a directory": {dir, 100, "is a directory"},
	} {
		var perr *fs.PathError
		if got, err := Read(tt.path, tt.limit); got != nil || !errors.As(err, &perr) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v; want %q", what, got, err, tt.want)
		}
	}
	if _, err := Read(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	refusal := errors.New("refused")
	if got, err := new(Reader).Read(path, 4, func(*os.File) error { return refusal }); got != nil || err != refusal {
		t.Errorf("refused: %q, %v", got, err)
	}
}

// A read that hangs is given up, and not made again until it has ended: who asks every second does not pile them up.
func TestHangingRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Reader{Patience: 10 * time.Millisecond}
	hold, calls := make(chan struct{}), make(chan struct{}, 10)
	slow := func(*os.File) error {
		calls <- struct{}{}
		<-hold
		return nil
	}
	for range 5 {
		if got, err := r.Read(path, 100, slow); got != nil || !errors.Is(err, ErrHangs) {
			t.Errorf("Read = %q, %v; want %v", got, err, ErrHangs)
		}
	}
	if len(calls) != 1 {
		t.Errorf("%d reads hang, want one", len(calls))
	}
	close(hold)
	r.Patience = time.Minute
	for {
		got, err := r.Read(path, 100, nil)
		if errors.Is(err, ErrHangs) {
			continue
		}
		if err != nil || string(got) != "text" {
			t.Errorf("when the disk answers: %q, %v", got, err)
		}
		return
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "\ufeffa": "a", "": ""} {
		if got, err := Text([]byte(in)); err != nil || string(got) != want {
			t.Errorf("Text(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"\xff\xfea\x00", "\xfe\xff\x00a"} {
		if _, err := Text([]byte(in)); !errors.Is(err, ErrUTF16) {
			t.Errorf("Text(%q): %v, want %v", in, err, ErrUTF16)
		}
	}
}
