package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"webproxy/config"
	"webproxy/internal/certtest"
	"webproxy/internal/proxytest"
)

// alone runs tests none of which is about the configuration of a proxy that is installed on this machine.
type alone struct{ tests *testing.M }

func (a alone) Run() int {
	os.Unsetenv(config.PathVariable)
	systemConfig = filepath.Join(os.TempDir(), "webproxy-none", config.FileName)
	systemSocket = filepath.Join(os.TempDir(), "webproxy-none", "admin.sock")
	return proxytest.Run(a.tests, 4)
}

func TestMain(m *testing.M) {
	testscript.Main(alone{m}, map[string]func(){
		"webproxy": func() {
			systemConfig, systemSocket = os.Getenv("SYSTEM_CONFIG"), os.Getenv("SYSTEM_SOCKET")
			main()
		},
		"terminal": onTerminal,
	})
}

// TestScript runs testdata/script: a story per command.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SYSTEM_CONFIG", filepath.Join(env.WorkDir, "etc", "webproxy", config.FileName))
			env.Setenv("SYSTEM_SOCKET", filepath.Join(env.WorkDir, "admin.sock"))
			for _, name := range scriptAddrs {
				addr, release, err := proxytest.ReserveAddr()
				if err != nil {
					return err
				}
				env.Defer(release)
				env.Setenv(name, addr)
				_, port, _ := strings.Cut(addr, ":")
				env.Setenv(name+"PORT", port)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"get":          scriptGet,
			"fill":         scriptFill,
			"traffic":      scriptTraffic,
			"await":        scriptAwait,
			"capture":      scriptCapture,
			"lab":          scriptLab(t),
			"certificates": func(ts *testscript.TestScript, _ bool, args []string) { scriptCertificates(t, ts, args) },
		},
		RequireExplicitExec: true,
	})
}

// scriptCertificates is the script command
//
//	certificates HOST CA NAME...
//
// It makes an authority, whose certificate is the file CA, and NAME.pem with NAME.key for HOST of it.
func scriptCertificates(t *testing.T, ts *testscript.TestScript, args []string) {
	authority := certtest.New(t, "script")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), authority.PEM(), 0o600))
	for _, name := range args[2:] {
		cert, key := certtest.Pair(t, authority.Issue(t, args[0], nil))
		ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), cert, 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(name+".key"), key, 0o600))
	}
}

// scriptGet is the script command
//
//	[!] get [-proxy ADDR] URL TEXT
//
// It asks until the status line or the body of the answer holds TEXT, for a minute at most; with
// "!" it fails if an answer comes at all.
func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	client := &http.Client{Timeout: scriptPatience} // a second request would be one more in the records
	if args[0] == "-proxy" {
		client.Transport = proxied(args[1])
		args = args[2:]
	}
	deadline := time.Now().Add(scriptPatience)
	for {
		got, err := answer(client, args[0])
		switch {
		case neg && err != nil:
			return
		case neg:
			ts.Fatalf("get %s: answered %s", args[0], got)
		case err == nil && strings.Contains(got, args[1]):
			return
		case time.Now().After(deadline):
			ts.Fatalf("get %s: %q, %v; want ...%s...", args[0], got, err, args[1])
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another process
	}
}

func answer(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		var refused interface{ Error() string }
		if errors.As(err, &refused) && strings.Contains(refused.Error(), "webproxy denied") {
			return refused.Error(), nil // Go's client shows the status line of a refused CONNECT
		}
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.Status + "\n" + string(body), err
}

// scriptAddrs are variables of scripts with addresses that are theirs, new for each run; with PORT after its name one has the
// port alone. On $NOBODY nothing ever listens.
var scriptAddrs = []string{"PROXY", "DASH", "NOBODY", "PAC", "PROXY2", "DASH2"}

// scriptPatience is how long a script waits for what should happen at once.
const scriptPatience = time.Minute

// scriptFill replaces scriptAddrs in files.
func scriptFill(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// scriptCapture is the script command
//
//	capture NAME EXPRESSION
//
// It sets the variable NAME to the first group of the expression in what the last command printed.
func scriptCapture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("capture %s: no match for %s", args[0], args[1])
	}
	ts.Setenv(args[0], m[1])
}

// Every command has a story.
func TestEveryCommandHasAScript(t *testing.T) {
	for _, cmd := range newRoot().Commands() {
		if slices.Contains([]string{"help", "completion"}, cmd.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join("testdata/script", cmd.Name()+".txtar")); err != nil {
			t.Errorf("command %s: %v", cmd.Name(), err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		want int
		args []string
	}{
		{exitOK, []string{"version"}},
		{exitOK, []string{"explain", "https://login.microsoftonline.com"}},
		{exitUsage, []string{"nonsense"}},
		{exitUsage, []string{"explain"}},
		{exitUsage, []string{"explain", "--nonsense"}},
		{exitUsage, []string{"explain", "ftp://example.com"}},
		{exitUsage, []string{"check", "-o", "xml"}},
		{exitConfig, []string{"check", "no/such/file.yaml"}},
		{exitNo, []string{"explain", "https://example.com"}},
	} {
		var out, errOut strings.Builder
		if got := run(context.Background(), tt.args, &out, &errOut); got != tt.want {
			t.Errorf("webproxy %s: exit %d, want %d\n%s%s", strings.Join(tt.args, " "), got, tt.want, out.String(), errOut.String())
		}
	}
}
