package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// testName is the name of a test, fuzz test or benchmark on a page; a star or dots after it stand for the rest of several names.
var testName = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)(\*|\.\.\.)?`)

// testNames are the tests, fuzz tests and benchmarks of files.
func testNames(files []*file) []string {
	names := map[string]bool{}
	for _, f := range files {
		if !f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// unknownTests objects to tests that page, a text of docs, names and that are not among names, which are sorted.
func unknownTests(page, text string, names []string) []string {
	var objections []string
	for i, line := range strings.Split(text, "\n") {
		for _, m := range testName.FindAllStringSubmatch(line, -1) {
			at, exact := slices.BinarySearch(names, m[1])
			if exact || m[2] != "" && at < len(names) && strings.HasPrefix(names[at], m[1]) {
				continue
			}
			objections = append(objections, fmt.Sprintf("%s:%d: there is no test %s", page, i+1, m[0]))
		}
	}
	return objections
}
