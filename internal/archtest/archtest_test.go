package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTree(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	files, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found", len(files))
	}
	for _, objection := range append(check(files, packages(t)), packages(t).absent(files)...) {
		t.Error(objection)
	}
}

// packages is the table of docs/architecture.md.
func packages(t *testing.T) table {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := readTable(string(doc))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A row for a package that is not there, or an import of one, is an objection; no table is an error.
func TestTable(t *testing.T) {
	const head = "| package | what it is for | may import |\n|---|---|---|\n"
	gone, err := readTable(head + "| `proxy` | sockets | policy |\n| `gone` | it was | nothing |\n")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(gone.absent([]*file{{dir: "proxy", syntax: &ast.File{}}}), "; ")
	if want := "there is no package gone; docs/architecture.md: package proxy may import policy, which is not in the table"; !strings.Contains(got, want) {
		t.Errorf("absent() = %q, want %q in it", got, want)
	}
	unused, err := readTable(head + "| `proxy` | sockets | policy |\n| `policy` | rules | nothing |\n")
	if err != nil {
		t.Fatal(err)
	}
	got = strings.Join(unused.absent([]*file{{dir: "proxy", syntax: &ast.File{}}, {dir: "policy", syntax: &ast.File{}}}), "; ")
	if want := "docs/architecture.md: package proxy may import policy, and does not"; got != want {
		t.Errorf("absent() = %q, want %q", got, want)
	}
	for _, doc := range []string{"", "| package | what it is for |\n", head, head + "| `a` | x | nothing |\n| `a` | x | nothing |\n"} {
		if _, err := readTable(doc); err == nil {
			t.Errorf("readTable(%q): no error", doc)
		}
	}
}

// The picture of the packages agrees with the table: each imports packages of lines below its own only.
func TestPicture(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "The same as a picture.")
	_, rest, _ = strings.Cut(rest, "```\n")
	picture, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/architecture.md has no picture of the packages")
	}
	line := map[string]int{}
	for n, text := range strings.Split(picture, "\n") {
		names, _, _ := strings.Cut(text, "   ")
		for _, name := range strings.Fields(names) {
			line[name] = n + 1
		}
	}
	all := packages(t)
	for name, imports := range all.may {
		if line[name] == 0 && !strings.HasPrefix(name, "internal/") && !strings.HasSuffix(name, "/gen") {
			t.Errorf("the picture lacks %s", name)
		}
		for _, ours := range imports {
			if line[name] != 0 && line[ours] != 0 && line[ours] <= line[name] {
				t.Errorf("%s imports %s, which is not below it in the picture", name, ours)
			}
		}
	}
	for name := range line {
		if _, known := all.may[name]; !known {
			t.Errorf("the picture has %s, which is not in the table", name)
		}
	}
}

// Each rule finds what it is for, and leaves alone what is right.
func TestRules(t *testing.T) {
	tests := []struct {
		want string // a part of the only objection; "" for none
		path string
		src  string
	}{
		// who imports whom
		{"", "proxy/connect.go", `import "webproxy/policy"`},
		{"", "audit/log.go", `import "webproxy/internal/atomicfile"`},
		{"connect.go:2: proxy must not import config; it may import audit, internal/proxystatus, policy, proxy/egress, proxy/internal/clienthello, proxy/internal/http1, proxy/internal/http1conn", "proxy/connect.go", `import "webproxy/config"`},
		{"policy must not import catalog; it may import nothing of ours", "policy/spec.go", `import "webproxy/catalog"`},
		{"policy must not import internal/atomicfile", "policy/spec.go", `import "webproxy/internal/atomicfile"`},
		{"policy must not import internal/setting", "policy/spec.go", `import "webproxy/internal/setting"`},
		{"", "ship/options.go", `import "webproxy/internal/setting"`},
		{"proxy must not import internal/proxytest", "proxy/server.go", `import "webproxy/internal/proxytest"`},
		{"", "proxy/server_test.go", `import "webproxy/internal/proxytest"`},
		{"package novel is not in the table of packages", "novel/novel.go", ``},
		{"", "bench/load.go", `import "webproxy/proxy"`},
		// third parties
		{"", "proxy/goproxy.go", `import "github.com/elazarl/goproxy"`},
		{"goproxy must not be named here, only in proxy/goproxy.go, tests", "proxy/connect.go", `import "github.com/elazarl/goproxy"`},
		{"goproxy must not be named here", "internal/daemon/serve.go", `import "github.com/elazarl/goproxy/ext/auth"`},
		{"", "proxy/goproxy_test.go", `import "github.com/elazarl/goproxy"`},
		{"glob must not be named here", "policy/index.go", `import "github.com/gobwas/glob"`},
		{"", "config/parse.go", `import "go.yaml.in/yaml/v3"`},
		{"yaml/v3 must not be named here", "policy/spec.go", `import "go.yaml.in/yaml/v3"`},
		{"", "audit/lock_windows.go", `import "golang.org/x/sys/windows"`},
		{"x/sys must not be named here", "audit/lock.go", `import "golang.org/x/sys/windows"`},
		{"zap must not be named here", "policy/decide.go", `import "go.uber.org/zap"`},
		{"rapid must not be named here, only in tests", "policy/decide.go", `import "pgregory.net/rapid"`},
		{"example.org/new is a new dependency", "audit/log.go", `import "example.org/new"`},
		{"no cgo", "audit/log.go", `import "C"`},
		// policy is pure
		{"must not import net", "policy/guard.go", `import "net"`},
		{"", "policy/guard.go", `import "net/netip"`},
		{"", "policy/guard_test.go", `import "os"`},
		{"policy has no clock", "policy/decide.go", `import "time"; var _ = time.Now`},
		{"", "policy/decide.go", `import "time"; var _ = time.Parse`},
		{"", "audit/log.go", `import "time"; var _ = time.Now`},
		// parsers touch no socket
		{"must not import net", "proxy/internal/http1/chunk.go", `import "net"`},
		{"must not import os", "proxy/internal/http1/chunk.go", `import "os"`},
		{"must not import net/http", "proxy/internal/http1/chunk.go", `import "net/http"`},
		{"", "proxy/internal/http1/chunk.go", `import "net/url"`},
		{"", "proxy/internal/http1/chunk_test.go", `import "net/http"`},
		{"must not import net", "proxy/internal/clienthello/parse.go", `import "net"`},
		{"must not import os", "proxy/internal/clienthello/parse.go", `import "os"`},
		// only egress dials
		{"only proxy/egress dials", "proxy/connect.go", `import "net"; var _ = net.Dial`},
		{"only proxy/egress dials", "proxy/connect.go", `import "net"; var _ net.Dialer`},
		{"only proxy/egress dials", "proxy/inspect.go", `import "crypto/tls"; var _ = tls.DialWithDialer`},
		{"", "proxy/egress/egress.go", `import "net"; var _ net.Dialer`},
		{"", "proxy/connect_test.go", `import "net"; var _ = net.Dial`},
		// fields with one writer
		{"connect.go:2: the field decision is assigned in proxy/exchange.go only", "proxy/connect.go", `func (x *exchange) f() { x.decision = d }`},
		{"the field status is assigned in proxy/exchange.go only", "proxy/forward.go", `func (x *exchange) f() { x.ok, x.status = true, 200 }`},
		{"", "proxy/exchange.go", `func (x *exchange) f() { x.status = 200 }`},
		{"", "audit/record.go", `func (r *Record) f() { r.status = 200 }`},
		// CSV
		{"csv.NewWriter: write CSV through internal/spreadsheet", "audit/export.go", `import "encoding/csv"; var _ = csv.NewWriter`},
		{"", "internal/spreadsheet/spreadsheet.go", `import "encoding/csv"; var _ = csv.NewWriter`},
		// the environment
		{"only cmd reads the environment", "proxy/egress.go", `import "os"; var _ = os.Getenv`},
		{"only cmd reads the environment", "proxy/egress.go", `import "net/http"; var _ = http.ProxyFromEnvironment`},
		{"", "cmd/webproxy/ui.go", `import "os"; var _ = os.Getenv`},
		{"", "audit/crash_test.go", `import "os"; var _ = os.Getenv`},
		// init
		{"no init functions", "audit/log.go", `func init() {}`},
		{"no init functions", "audit/log_test.go", `func init() {}`},
		{"", "audit/log.go", `type log struct{}; func (log) init() {}`},
		// words
		{`"whitelist" in the name whitelist`, "policy/whitelist.go", ``},
		{`"util" in the name netutil`, "proxy/netutil.go", ``},
		{`"helper" in the name helpers_test`, "proxy/helpers_test.go", ``},
		{`"whitelist" in hostWhitelist`, "policy/index.go", `func hostWhitelist() {}`},
		{`"blacklist" in blackList`, "policy/index.go", `type index struct{ blackList []string }`},
		{`"mitm" in MITMConfig`, "proxy/inspect.go", `var MITMConfig int`},
		{`"mitm" in mitm`, "proxy/inspect.go", `func inspect() { mitm := 1; _ = mitm }`},
		{`"manager" in TunnelManager`, "proxy/tunnel.go", `type TunnelManager struct{}`},
		{"", "proxy/goproxy.go", `import "github.com/elazarl/goproxy"; var action = goproxy.MitmConnect`},
	}
	for _, tt := range tests {
		src := "package p\n" + tt.src + "\n"
		files, err := load(fstest.MapFS{tt.path: {Data: []byte(src)}})
		if err != nil {
			t.Fatalf("%s: %v", tt.path, err)
		}
		got := strings.Join(check(files, packages(t)), "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: %s\n got %q\nwant %q", tt.path, tt.src, got, tt.want)
		}
	}
}

// What is not ours, or not code of the program, is not checked.
func TestSkipped(t *testing.T) {
	bad := &fstest.MapFile{Data: []byte("package p\nfunc init() {}\n")}
	files, err := load(fstest.MapFS{
		"audit/testdata/x.go": bad, ".git/x.go": bad, "vendor/a/x.go": bad, "audit/_x.go": bad, "audit/x.txt": bad,
	})
	if err != nil || len(files) != 0 {
		t.Errorf("load: %d files, %v, want none", len(files), err)
	}
}
