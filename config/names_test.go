package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"webproxy/config"
)

// Names are read of a configuration that is not valid, too.
func TestReadNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	for text, want := range map[string]string{
		"policy:\n  clients: { nodes: [x], wac: 7 }\n  phases: { updates: {} }\n  nonsense: 1\n  rules:\n    - { id: a, file: lists/a.txt }\n    - { list: arc }\n    - 3\n": "{[nodes wac] [updates] [a] [lists/a.txt arc]}",
		"policy: [": "{[] [] [] []}",
		"policy: { clients: [nodes], rules: { id: a } }": "{[] [] [] []}",
		"": "{[] [] [] []}",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(config.ReadNames(path)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := config.ReadNames(path + ".not"); len(got.Groups) > 0 {
		t.Errorf("of no file: %v", got)
	}
	if got := config.ReadNames(""); len(got.Groups) == 0 {
		t.Error("the built-in configuration has no groups")
	}
}
