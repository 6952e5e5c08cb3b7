package catalog_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"webproxy/catalog"
)

// What is built into the program equals the files.
func TestPacked(t *testing.T) {
	names, err := filepath.Glob("lists/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := catalog.ReadList(filepath.ToSlash(name), data)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := catalog.Open(want.Name + "@" + want.Generation)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is not what is packed (%v): run go generate ./catalog", name, err)
		}
	}
	if n := len(all(t)); n != len(names) {
		t.Errorf("%d lists are packed, %d are there: run go generate ./catalog", n, len(names))
	}
}

func TestReadListRefuses(t *testing.T) {
	const name = "lists/2026-07/x.yaml"
	tests := []struct{ want, text string }{
		{"holds list y of generation 2026-07", "name: y\ngeneration: 2026-07\n"},
		{"holds list x of generation 2026-08", "name: x\ngeneration: 2026-08\n"},
		{"field titel not found", "name: x\ntitel: X\n"},
		{"e: 1 schemes, 2 ports", "name: x\ngeneration: 2026-07\ndocuments: [{endpoints: [{id: e, schemes: [http], ports: [80, 443]}]}]\n"},
		{"EOF", ""},
	}
	for _, tt := range tests {
		if _, err := catalog.ReadList(name, []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}
