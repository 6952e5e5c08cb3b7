package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

// Each phrase that has an id of its own is one that the log has, each id is given once, in the range that Windows has texts for, and
// docs/windows.md has all of them.
func TestEventIDs(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var source strings.Builder
	for _, file := range files {
		if strings.HasPrefix(file, "events") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	page, err := os.ReadFile("../../docs/windows.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint32]string{eventInfo: "info", eventWarning: "warning", eventError: "error", eventBadConfig: "bad configuration", eventStartFailed: "start failed"}
	for phrase, id := range eventIDs {
		if !strings.Contains(source.String(), strconv.Quote(phrase)) {
			t.Errorf("nothing logs %q", phrase)
		}
		if other, twice := seen[id]; twice || id < 1 || id > 1000 {
			t.Errorf("id %d of %q is out of range, or that of %q", id, phrase, other)
		}
		seen[id] = phrase
	}
	for id := range seen {
		if !strings.Contains(string(page), "| "+strconv.Itoa(int(id))+" |") {
			t.Errorf("docs/windows.md does not have event %d", id)
		}
	}
	for level, want := range map[zapcore.Level]uint32{zapcore.InfoLevel: eventInfo, zapcore.WarnLevel: eventWarning, zapcore.ErrorLevel: eventError} {
		if got := eventID("anything else", level); got != want {
			t.Errorf("level %s: id %d, want %d", level, got, want)
		}
	}
}

func TestEventText(t *testing.T) {
	long := eventText(strings.Repeat("\u00e4", 40_000))
	if len(long) > 31_839 || strings.Contains(long, "\ufffd") || !strings.HasSuffix(long, "...") {
		t.Errorf("%d bytes, ends with %q", len(long), long[len(long)-4:])
	}
	if got := eventText("a\x00b"); got != "a\ufffdb" {
		t.Errorf("%q", got)
	}
}
