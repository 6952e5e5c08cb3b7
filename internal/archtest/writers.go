package archtest

import (
	"fmt"
	"go/ast"
)

// oneWriter are fields of package proxy that are assigned in one file only, by one method each: whoever wants to
// know how they come about reads that file.
var oneWriter = map[string]string{
	"decision": "proxy/exchange.go",
	"status":   "proxy/exchange.go",
}

// writers objects to assignments to those fields elsewhere.
func writers(f *file) []string {
	if f.test || f.dir != "proxy" {
		return nil
	}
	var found []string
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for _, left := range assign.Lhs {
			sel, ok := left.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if home, ok := oneWriter[sel.Sel.Name]; ok && f.path != home {
				found = append(found, fmt.Sprintf("%s: the field %s is assigned in %s only", f.at(n), sel.Sel.Name, home))
			}
		}
		return true
	})
	return found
}
