package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"webproxy/config"
)

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	here, system := write(t, dir, "here/webproxy.yaml", "x"), write(t, dir, "etc/webproxy.yaml", "x")
	none := filepath.Join(dir, "none", "webproxy.yaml")
	dangling := filepath.Join(dir, "dangling.yaml")
	if err := os.Symlink(none, dangling); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want string
		s    config.Search
	}{
		// what was said counts, whether it is there or not; the flag first
		{none, config.Search{Flag: none, Env: here, Here: here, System: system}},
		{none, config.Search{Env: none, Here: here, System: system}},
		// the built-in configuration can be asked for
		{"", config.Search{Flag: "built-in", Env: here, Here: here, System: system}},
		{"", config.Search{Env: "built-in", Here: here, System: system}},
		{here, config.Search{Flag: here, Env: "built-in"}},
		// then what there is
		{here, config.Search{Here: here, System: system}},
		{system, config.Search{Here: none, System: system}},
		{"", config.Search{Here: none, System: none}},
		{"", config.Search{}},
	} {
		got, err := tt.s.Find()
		if err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v; want %q", tt.s, got, err, tt.want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	if got, err := (config.Search{Here: dangling, System: system}).Find(); got != dangling || err != nil {
		t.Errorf("a link that leads nowhere: %q, %v", got, err)
	}
	// A file that cannot be looked at is not "none".
	if got, err := (config.Search{Here: filepath.Join(here, "below"), System: system}).Find(); err == nil {
		t.Errorf("below a file: %q, want an error", got)
	}
}
