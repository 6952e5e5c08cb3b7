package egress

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A byte order mark is no part of the user's name; a file in UTF-16 is told to be one.
func TestCredentialsText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	for text, want := range map[string]string{
		"user:pass\r\n":                       "user:pass",
		"\ufeffuser:pass\n":                   "user:pass",
		"\xff\xfeu\x00:\x00p\x00\r\x00\n\x00": "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := (&credentials{path: path}).authorization(t.Context())
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("%q: %q, %v; want a hint", text, got, err)
			}
			continue
		}
		if err != nil || got != "Basic "+base64.StdEncoding.EncodeToString([]byte(want)) {
			t.Errorf("%q: %q, %v; want that of %q", text, got, err, want)
		}
	}
}
