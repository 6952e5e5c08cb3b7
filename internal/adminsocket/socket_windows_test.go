package adminsocket

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func testPath(t *testing.T) string {
	return fmt.Sprintf(`%swebproxy-test-%d-%s`, pipes, os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"))
}

func TestCheckPath(t *testing.T) {
	for path, ok := range map[string]bool{
		`\\.\pipe\webproxy`:                          true,
		DefaultPath(`C:\ProgramData\webproxy\audit`): true,
		``:                                   false,
		`\\.\pipe\`:                          false,
		`\\.\pipe\a\b`:                       false,
		`\\server\pipe\webproxy`:             false,
		`C:\webproxy.sock`:                   false,
		pipes + strings.Repeat("x", maxPath): false,
	} {
		if err := CheckPath(path); (err == nil) != ok {
			t.Errorf("CheckPath(%q) = %v", path, err)
		}
	}
	if DefaultPath(`C:\a`) != DefaultPath(`c:\A\`) || DefaultPath(`C:\a`) == DefaultPath(`C:\b`) {
		t.Error("the default depends on the directory, not on how it is written")
	}
}

// A pipe that is there already is respected.
func TestTaken(t *testing.T) {
	path := testPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil {
		t.Error("a second listener on one pipe")
	}
	ln.Close()
	if ln, err = Listen(path); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	ln.Close()
}
