package privatefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/internal/smallfile"
)

func TestReadToken(t *testing.T) {
	for _, tt := range []struct{ name, text, want, err string }{
		{"a line", "s3cret-token\n", "s3cret-token", ""},
		{"an editor of Windows", "\ufeffs3cret-token\r\n", "s3cret-token", ""},
		{"UTF-16", "\xff\xfes\x003\x00c\x00", "", "UTF-16"},
		{"two lines", "s3cret\ntoken\n", "", "want one line of printable ASCII without spaces"},
		{"a control character", "s3cret\x07token", "", "want one line"},
		{"no ASCII", "s3crét", "", "want one line"},
		{"empty", "\n", "", "want one line"},
		{"too long", strings.Repeat("a", maxToken+1), "", "larger"},
	} {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadToken(new(smallfile.Reader), path)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "s3c")) {
			t.Errorf("%s: %q, %v; want %q, %s", tt.name, got, err, tt.want, tt.err)
		}
	}
}
