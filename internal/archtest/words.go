package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// Packages that policy must not import: it has no sockets, files, log or context.
var impure = []string{"context", "io/fs", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "path/filepath", "syscall"}

// Names of package time that read the clock, or wait for it.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// purity objects to whatever would make a decision depend on more than the rule set and the request.
func purity(f *file) []string {
	if f.dir != "policy" || f.test {
		return nil
	}
	var found []string
	f.imports(func(spec *ast.ImportSpec, name string) {
		if slices.Contains(impure, name) {
			found = append(found, fmt.Sprintf("%s: policy is pure; it must not import %s", f.at(spec), name))
		}
	})
	f.calls(func(n ast.Node, pkg, name string) {
		if pkg == "time" && slices.Contains(clock, name) {
			found = append(found, fmt.Sprintf("%s: policy has no clock; take the time from the Request, not from time.%s", f.at(n), name))
		}
	})
	return found
}

// Packages that parse strangers' bytes: what they return may depend on these bytes only, and they cannot reach a socket.
var parsers = []string{"proxy/internal/http1", "proxy/internal/clienthello"}

// parsing objects to imports by which a parser could touch a socket or a file.
func parsing(f *file) []string {
	if f.test || !slices.Contains(parsers, f.dir) {
		return nil
	}
	var found []string
	f.imports(func(spec *ast.ImportSpec, name string) {
		if slices.Contains(impure, name) || name == "crypto/tls" {
			found = append(found, fmt.Sprintf("%s: %s parses bytes and touches no socket or file; it must not import %s", f.at(spec), f.dir, name))
		}
	})
	return found
}

// dialling objects to connections that package proxy opens outside of proxy/egress.
func dialling(f *file) []string {
	if f.test || f.dir != "proxy" && !strings.HasPrefix(f.dir, "proxy/") || f.dir == "proxy/egress" {
		return nil
	}
	var found []string
	f.calls(func(n ast.Node, pkg, name string) {
		if (pkg == "net" || pkg == "tls") && strings.HasPrefix(name, "Dial") {
			found = append(found, fmt.Sprintf("%s: %s.%s: only proxy/egress dials", f.at(n), pkg, name))
		}
	})
	return found
}

// environment objects to settings from outside of files: the environment must not redirect a request.
func environment(f *file) []string {
	top, _, _ := strings.Cut(f.dir, "/")
	if top == "cmd" || f.test || slices.Contains(outside, top) {
		return nil
	}
	var found []string
	f.calls(func(n ast.Node, pkg, name string) {
		reads := pkg == "os" && (name == "Getenv" || name == "LookupEnv" || name == "Environ" || name == "ExpandEnv")
		if reads || pkg == "http" && name == "ProxyFromEnvironment" {
			found = append(found, fmt.Sprintf("%s: %s.%s: only cmd reads the environment; take the value as an option", f.at(n), pkg, name))
		}
	})
	return found
}

// csvWriters objects to CSV that is written without regard to spreadsheets.
func csvWriters(f *file) []string {
	if f.test || f.dir == "internal/spreadsheet" {
		return nil
	}
	var found []string
	f.calls(func(n ast.Node, pkg, name string) {
		if pkg == "csv" && name == "NewWriter" {
			found = append(found, fmt.Sprintf("%s: csv.NewWriter: write CSV through internal/spreadsheet, so that no cell is a formula", f.at(n)))
		}
	})
	return found
}

// inits objects to functions that run before main, where no caller sees them.
func inits(f *file) []string {
	var found []string
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, fmt.Sprintf("%s: no init functions; call it from where it is needed, or use sync.OnceValue", f.at(fn)))
		}
	}
	return found
}

var (
	// in no identifier of ours, in any case: docs/architecture.md has the word to use
	unwanted = []string{"whitelist", "blacklist", "mitm"}
	// in no name of a file, package or type: they say nothing
	empty = []string{"util", "helper", "manager", "common", "misc"}
)

// words objects to names that are not in the glossary.
func words(f *file) []string {
	if f.dir == "internal/archtest" && path.Base(f.path) == "words.go" {
		return nil
	}
	var found []string
	for _, name := range []string{strings.TrimSuffix(path.Base(f.path), ".go"), f.syntax.Name.Name} {
		if w := contained(name, slices.Concat(unwanted, empty)); w != "" {
			found = append(found, fmt.Sprintf("%s: %q in the name %s: name it for what it does", f.path, w, name))
		}
	}
	declared(f.syntax, func(name *ast.Ident, isType bool) {
		list := unwanted
		if isType {
			list = slices.Concat(unwanted, empty)
		}
		if w := contained(name.Name, list); w != "" {
			found = append(found, fmt.Sprintf("%s: %q in %s: see the glossary in docs/architecture.md", f.at(name), w, name.Name))
		}
	})
	return found
}

func contained(name string, list []string) string {
	for _, w := range list {
		if strings.Contains(strings.ToLower(name), w) {
			return w
		}
	}
	return ""
}

// declared calls do for each name that n declares. Names of other packages' things are theirs.
func declared(n ast.Node, do func(name *ast.Ident, isType bool)) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			do(n.Name, false)
		case *ast.TypeSpec:
			do(n.Name, true)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				do(name, false)
			}
		case *ast.Field:
			for _, name := range n.Names {
				do(name, false)
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				break
			}
			for _, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					do(name, false)
				}
			}
		}
		return true
	})
}
