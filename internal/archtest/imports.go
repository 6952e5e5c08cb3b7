package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
)

const module = "webproxy"

// A table says which packages of ours a package may import: the third column of the table of packages in
// docs/architecture.md. Tests may import more: they are not part of what depends on what.
type table struct {
	may     map[string][]string
	besides []string // packages that any package but policy may import: they do not depend on the proxy
}

const (
	anyMay  = "any package but policy may import it"
	nothing = "nothing"
)

// readTable reads the table of packages off the text of docs/architecture.md.
func readTable(doc string) (table, error) {
	t := table{may: map[string][]string{}}
	_, rest, ok := strings.Cut(doc, "| package | what it is for | may import |\n")
	if !ok {
		return t, errors.New("docs/architecture.md has no table of packages with a column \"may import\"")
	}
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			break
		}
		name := strings.Trim(strings.TrimSpace(cells[0]), "`")
		if strings.HasPrefix(name, "---") {
			continue
		}
		if t.may[name] != nil {
			return t, fmt.Errorf("docs/architecture.md has package %s twice", name)
		}
		t.may[name] = []string{}
		if list := strings.TrimSpace(cells[2]); list != nothing {
			t.may[name] = strings.Split(list, ", ")
		}
		if strings.Contains(cells[1], anyMay) {
			t.besides = append(t.besides, name)
		}
	}
	if len(t.may) == 0 {
		return t, errors.New("docs/architecture.md: no rows in the table of packages")
	}
	return t, nil
}

// absent objects to rows of the table that no package is for, to imports that name no package, and to imports that
// no file has.
func (t table) absent(files []*file) []string {
	there, imported := map[string]bool{}, map[[2]string]bool{}
	for _, f := range files {
		there[f.dir] = there[f.dir] || !f.test
		if !f.test {
			f.imports(func(_ *ast.ImportSpec, name string) {
				imported[[2]string{f.dir, strings.TrimPrefix(name, module+"/")}] = true
			})
		}
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(t.may)) {
		if !there[name] {
			found = append(found, fmt.Sprintf("docs/architecture.md: there is no package %s", name))
		}
		for _, ours := range t.may[name] {
			if _, known := t.may[ours]; !known {
				found = append(found, fmt.Sprintf("docs/architecture.md: package %s may import %s, which is not in the table", name, ours))
			} else if there[name] && !imported[[2]string{name, ours}] {
				found = append(found, fmt.Sprintf("docs/architecture.md: package %s may import %s, and does not", name, ours))
			}
		}
	}
	return found
}

// outside are trees of programs that only use or measure what is built; they may import anything.
var outside = []string{"bench", "e2e", "packaging", "scripts"}

// namedIn says where a third party may be named: files, or directories with a slash at the end.
// A pattern without a slash is about the file's name alone. Tests may name any.
var namedIn = map[string][]string{
	"github.com/elazarl/goproxy":          {"proxy/goproxy.go"},
	"github.com/cespare/xxhash/v2":        {"ship/victorialogs.go"},
	"github.com/gobwas/glob":              {"policy/pattern.go"},
	"github.com/gofrs/flock":              {"review/lock.go"},
	"github.com/fsnotify/fsnotify":        {"config/watch.go"},
	"golang.org/x/sys":                    {"*_windows.go", "*_unix.go", "*_linux.go", "*_darwin.go"},
	"go.yaml.in/yaml/v3":                  {"config/", "catalog/", "catalog/gen/", "catalog/tables/yamlform.go", "learn/"},
	"github.com/spf13/cobra":              {"cmd/webproxy/"},
	"github.com/spf13/pflag":              {"cmd/webproxy/"},
	"github.com/gaissmai/bart":            {"policy/", "catalog/"},
	"github.com/invopop/jsonschema":       {"config/", "config/gen/"},
	"github.com/klauspost/compress":       {"audit/", "ship/"},
	"github.com/hashicorp/hcl/v2":         {"catalog/tables/hclform.go"},
	"github.com/zclconf/go-cty":           {"catalog/tables/hclform.go"},
	"github.com/beevik/etree":             {"catalog/manifest/"},
	"github.com/russellhaering/goxmldsig": {"catalog/manifest/"},
	"github.com/jcmturner/gokrb5":         {"proxy/egress/upstream_negotiate.go"},
	"github.com/jcmturner/gofork":         {"proxy/egress/upstream_negotiate.go"},
	"github.com/alexbrainman/sspi":        {"proxy/egress/sspi_windows.go"},
	"github.com/coreos/go-systemd":        {"internal/daemon/supervisor_linux.go"},
	"github.com/pires/go-proxyproto":      {"proxy/prelude.go"},
	"github.com/prometheus/client_golang": {"internal/daemon/", "dashboard/"},
	"github.com/Microsoft/go-winio":       {"internal/adminsocket/socket_windows.go"},
	"go.uber.org/zap":                     {"internal/daemon/", "internal/adminsocket/", "audit/", "proxy/", "config/", "dashboard/", "ship/"},
	"golang.org/x/crypto":                 {"proxy/internal/clienthello/"},
	"golang.org/x/mod":                    {"audit/", "bundle/", "internal/notekey/"},
	"golang.org/x/net":                    {"policy/", "catalog/", "catalog/tables/", "lint/", "proxy/", "proxy/egress/", "internal/dnstest/", "learn/", "config/", "audit/report/"},
	"golang.org/x/text":                   {"policy/cond_path_reading.go"},
	"golang.org/x/sync":                   {"proxy/", "certs/", "audit/", "cmd/webproxy/"},
	"golang.org/x/term":                   {"cmd/webproxy/"},
	"github.com/alexedwards/scs/v2":       {"dashboard/"},
	"github.com/alexedwards/argon2id":     {"internal/account/"},
	"golang.org/x/time":                   {"dashboard/", "proxy/", "cmd/webproxy/", "internal/account/"},
	"google.golang.org/protobuf":          {"ship/"},
	// for tests only
	"github.com/google/go-cmp":              {},
	"go.opentelemetry.io/proto/otlp":        {},
	"github.com/santhosh-tekuri/jsonschema": {},
	"github.com/rogpeppe/go-internal":       {},
	"go.uber.org/goleak":                    {"internal/proxytest/"},
	"golang.org/x/tools":                    {},
	"pgregory.net/rapid":                    {},
}

// free reports whether the import tables say nothing about f.
func free(f *file) bool {
	top, _, _ := strings.Cut(f.dir, "/")
	return f.test || slices.Contains(outside, top)
}

// ourImports objects to imports of our own packages that the table does not have.
func (t table) ourImports(f *file) []string {
	if free(f) {
		return nil
	}
	allowed, known := t.may[f.dir]
	if !known {
		return []string{fmt.Sprintf("%s: package %s is not in the table of packages: add it to docs/architecture.md", f.path, f.dir)}
	}
	var found []string
	f.imports(func(spec *ast.ImportSpec, name string) {
		ours, ok := strings.CutPrefix(name, module+"/")
		if !ok || slices.Contains(allowed, ours) || f.dir != "policy" && slices.Contains(t.besides, ours) {
			return
		}
		found = append(found, fmt.Sprintf("%s: %s must not import %s; it may import %s", f.at(spec), f.dir, ours, orNothing(allowed)))
	})
	return found
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing of ours"
	}
	return strings.Join(list, ", ")
}

// thirdParties objects to a library that is named outside its files, or is in no table.
func thirdParties(f *file) []string {
	if free(f) {
		return nil
	}
	var found []string
	f.imports(func(spec *ast.ImportSpec, name string) {
		first, _, _ := strings.Cut(name, "/")
		if name == "C" {
			found = append(found, fmt.Sprintf("%s: no cgo", f.at(spec)))
		}
		if !strings.Contains(first, ".") {
			return // the standard library, or ours
		}
		lib := library(name)
		places, known := namedIn[lib]
		switch {
		case !known:
			found = append(found, fmt.Sprintf("%s: %s is a new dependency; add it to namedIn, with the files that need it", f.at(spec), name))
		case !slices.ContainsFunc(places, func(p string) bool { return covers(p, f.path) }):
			found = append(found, fmt.Sprintf("%s: %s must not be named here, only in %s", f.at(spec), lib, orTests(places)))
		}
	})
	return found
}

func orTests(places []string) string {
	return strings.Join(append(slices.Clone(places), "tests"), ", ")
}

// library is the row of namedIn that a package belongs to, or the package's own path.
func library(name string) string {
	for lib := range namedIn {
		if name == lib || strings.HasPrefix(name, lib+"/") {
			return lib
		}
	}
	return name
}

func covers(place, name string) bool {
	switch {
	case strings.HasSuffix(place, "/"):
		return path.Dir(name)+"/" == place
	case strings.Contains(place, "/"):
		return place == name
	}
	ok, err := path.Match(place, path.Base(name))
	return ok && err == nil
}
