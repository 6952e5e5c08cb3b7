package smallfile

import (
	"crypto/sha256"
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

// ReadText and Sum see what Read sees, and refuse what it refuses.
func TestReadTextAndSum(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, 64<<10 - 1, 64 << 10, 200_000} {
		path := filepath.Join(dir, "file")
		want := strings.Repeat("0123456789abcde\n", n/16+1)[:n]
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		var r Reader
		paused := 0
		text, sum, err := r.ReadText(path, int64(n), func() { paused++ })
		if err != nil || text != want || sum != sha256.Sum256([]byte(want)) {
			t.Errorf("ReadText of %d bytes: %d bytes, sum %x, %v", n, len(text), sum, err)
		}
		if least := n >> 16; paused < least {
			t.Errorf("ReadText of %d bytes paused %d times, want %d at least", n, paused, least)
		}
		if again, err := r.Sum(path, int64(n), nil); err != nil || again != sum {
			t.Errorf("Sum of %d bytes: %x, %v; want %x", n, again, err, sum)
		}
		if n == 0 {
			continue
		}
		_, err = r.Read(path, int64(n-1), nil)
		_, _, textErr := r.ReadText(path, int64(n-1), nil)
		_, sumErr := r.Sum(path, int64(n-1), nil)
		if err == nil || textErr == nil || sumErr == nil || textErr.Error() != err.Error() || sumErr.Error() != err.Error() {
			t.Errorf("%d bytes where %d are allowed: %v; ReadText %v; Sum %v", n, n-1, err, textErr, sumErr)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none")} {
		_, err := Read(path, 10)
		_, _, textErr := new(Reader).ReadText(path, 10, nil)
		_, sumErr := new(Reader).Sum(path, 10, nil)
		if err == nil || textErr == nil || sumErr == nil || textErr.Error() != err.Error() || sumErr.Error() != err.Error() {
			t.Errorf("%s: Read %v, ReadText %v, Sum %v", path, err, textErr, sumErr)
		}
	}
}
