// Package archtest checks the tree against docs/architecture.md: which package may import which, where a third party may be
// imported, what package policy must not use, a few words, and that the files which the page names exist. Its rules are the
// table of packages on that page, and tables in imports.go and words.go; its test applies them to the tree.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// A file is a parsed Go file with its place in the tree.
type file struct {
	path   string // slash-separated, from the root of the module
	dir    string // the package's, "." for the root
	test   bool
	fset   *token.FileSet
	syntax *ast.File
}

// at is where n stands, for messages.
func (f *file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, f.fset.Position(n.Pos()).Line)
}

// imports calls do for each import of f, with its path.
func (f *file) imports(do func(spec *ast.ImportSpec, path string)) {
	for _, spec := range f.syntax.Imports {
		do(spec, strings.Trim(spec.Path.Value, "`\""))
	}
}

// calls calls do for each name that f takes from another package, such as os and Getenv.
func (f *file) calls(do func(n ast.Node, pkg, name string)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok {
			do(sel, pkg.Name, sel.Sel.Name)
		}
		return true
	})
}

// load parses every Go file of the tree, for every system, also those that are not built here.
func load(tree fs.FS) ([]*file, error) {
	var files []*file
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "vendor" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f := &file{path: name, dir: path.Dir(name), test: strings.HasSuffix(base, "_test.go"), fset: token.NewFileSet()}
		if f.syntax, err = parser.ParseFile(f.fset, name, src, parser.SkipObjectResolution); err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// check applies all rules and returns their objections, in the order of the files.
func check(files []*file, t table) []string {
	var found []string
	for _, f := range files {
		for _, rule := range []func(*file) []string{t.ourImports, thirdParties, purity, parsing, dialling, writers, environment, csvWriters, inits, words} {
			found = append(found, rule(f)...)
		}
	}
	return found
}
