//go:build !windows

package scripts

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Only what says that it passed has passed; of what failed, nothing but TempDirs that wine does not remove is forgiven.
func TestWineVerdict(t *testing.T) {
	awk, err := exec.LookPath("awk")
	if err != nil {
		t.Skip(err)
	}
	// Read here, so that go test knows that it depends on it.
	program, err := os.ReadFile("wine/verdict.awk")
	if err != nil {
		t.Fatal(err)
	}
	const removal = "testing.go:1465: TempDir RemoveAll cleanup: remove C:\\x: Access denied.\n"
	for _, c := range []struct {
		name, out, code, want string
		ok                    bool
	}{
		{"pass", "PASS\n", "0", "", true},
		{"pass, lines of Windows", "PASS\r\n", "0", "", true},
		{"pass, then a bad end", "PASS\n", "5", "exit code 5, the last line is \"PASS\"\n", false},
		{"nothing", "", "0", "exit code 0, the last line is \"\"\n", false},
		{"out of time", "", "124", "exit code 124, the last line is \"\"\n", false},
		{"cut after a line", "something\n", "124", "exit code 124, something\n", false},
		{"does not start", "wine: could not load\n", "1", "exit code 1, wine: could not load\n", false},
		{"fail alone", "FAIL\n", "1", "exit code 1, the last line is \"FAIL\"\n", false},
		{"pass and fail", "PASS\nFAIL\n", "1", "exit code 1, the last line is \"FAIL\"\n", false},
		{"fail without a message", "--- FAIL: TestA (0.00s)\nFAIL\n", "1", "exit code 1, a test failed without a message\n", false},
		{"fail", "--- FAIL: TestA (0.00s)\n    a_test.go:3: no\nFAIL\n", "1", "exit code 1,     a_test.go:3: no\n", false},
		{"removal", "--- FAIL: TestA (0.00s)\n    " + removal + "FAIL\n", "1", "passed, but for 1 TempDirs that wine could not remove\n", true},
		{"removal in a subtest", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        " + removal + "FAIL\n", "1",
			"passed, but for 1 TempDirs that wine could not remove\n", true},
		{"removal, and a subtest without a message", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n    --- FAIL: TestA/c (0.00s)\n        " +
			removal + "FAIL\n", "1", "exit code 1, a test failed without a message\n", false},
		{"removal and more", "--- FAIL: TestA (0.00s)\n    a_test.go:3: no\n    " + removal + "FAIL\n", "1", "exit code 1,     a_test.go:3: no\n", false},
		{"removal, then a panic", "--- FAIL: TestA (0.00s)\n    " + removal + "panic: x\n", "2", "exit code 2, panic: x\n", false},
		{"removal, then cut", "--- FAIL: TestA (0.00s)\n    " + removal, "124", "exit code 124, the last line is \"    " + strings.TrimSuffix(removal, "\n") + "\"\n", false},
	} {
		cmd := exec.Command(awk, "-v", "code="+c.code, string(program))
		cmd.Stdin = strings.NewReader(c.out)
		out, err := cmd.Output()
		if (err == nil) != c.ok || string(out) != c.want {
			t.Errorf("%s: %q, %v; want %q, passed: %t", c.name, out, err, c.want, c.ok)
		}
	}
}
