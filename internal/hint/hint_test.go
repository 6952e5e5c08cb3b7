package hint_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"webproxy/internal/hint"
)

func TestHint(t *testing.T) {
	err := fmt.Errorf("start: %w", hint.With(fs.ErrPermission, "run it as root"))
	if got := hint.Of(err); got != "run it as root" {
		t.Errorf("hint %q", got)
	}
	if !errors.Is(err, fs.ErrPermission) || err.Error() != "start: permission denied" {
		t.Errorf("error %v", err)
	}
	if got := hint.Of(hint.With(err, "another")); got != "another" {
		t.Errorf("outermost hint %q", got)
	}
	if got := hint.Of(fs.ErrExist) + hint.Of(nil); got != "" {
		t.Errorf("hint of none %q", got)
	}
}
