package tables

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// hclHint matches a line that only Terraform has, hclPair one that Terraform may have.
var (
	hclHint = lazy(`(?m)^[ \t]*(?:resource|data|module|variable|locals|provider|terraform|output|dynamic)\b[^\n=:']*\{[ \t]*\r?$`)
	hclPair = lazy(`(?m)^[ \t]*[A-Za-z_][A-Za-z0-9_-]*[ \t]*=[ \t]*["\[{<]`)
)

// parseHCL reads Terraform's language. Of expressions only constants are evaluated.
func parseHCL(text string, line int) (*node, error) {
	if err := hclNesting([]byte(text), line); err != nil {
		return nil, err
	}
	file, diags := hclsyntax.ParseConfig([]byte(text), "", hcl.Pos{Line: line, Column: 1})
	if diags.HasErrors() {
		return nil, diags
	}
	p := hclParser{[]byte(text)}
	return p.body(file.Body.(*hclsyntax.Body), "", line), nil
}

// hclNesting refuses a text whose blocks or expressions are nested too deeply for the recursive parser.
func hclNesting(text []byte, line int) error {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.Pos{Line: line, Column: 1}) // the parser reports errors
	var open []hclsyntax.TokenType
	prefixes := 0 // of the expression: ! and -, and nested conditions
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t.Type)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(len(open)-1, 0)]
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion:
			prefixes++
		case hclsyntax.TokenComma:
			prefixes = 0
		case hclsyntax.TokenNewline: // ends an expression, except in [ and (
			if len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace {
				prefixes = 0
			}
		}
		if len(open) > maxNesting || prefixes > maxNesting {
			return fmt.Errorf("line %d: nested more than %d levels deep", t.Range.Start.Line, maxNesting)
		}
	}
	return nil
}

type hclParser struct{ text []byte }

func (p *hclParser) body(body *hclsyntax.Body, key string, line int) *node {
	n := &node{key: key, line: line, kind: object}
	for name, a := range body.Attributes {
		n.children = append(n.children, p.expr(a.Expr, name))
		if child := n.children[len(n.children)-1]; name == "count" && child.text == "0" {
			child.key, child.text = "enabled", "false"
		}
	}
	for _, b := range body.Blocks {
		child := p.body(b.Body, b.Type, b.TypeRange.Start.Line)
		switch {
		case b.Type == "locals":
			child.defs = true
		case b.Type == "variable" && len(b.Labels) == 1:
			child.defs, child.text = true, b.Labels[0]
		}
		n.children = append(n.children, child)
	}
	slices.SortStableFunc(n.children, func(a, b *node) int { return a.line - b.line })
	return n
}

func (p *hclParser) expr(e hclsyntax.Expression, key string) *node {
	n := &node{key: key, line: e.StartRange().Start.Line}
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		return p.list(n, e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		n.kind = object
		for _, item := range e.Items {
			name := ""
			if v, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				name = v.AsString()
			}
			n.children = append(n.children, p.expr(item.ValueExpr, name))
		}
		return n
	case *hclsyntax.ParenthesesExpr:
		return p.expr(e.Expression, key)
	case *hclsyntax.FunctionCallExpr:
		switch e.Name {
		case "concat", "distinct", "flatten", "setunion", "sort", "tolist", "toset": // all of their arguments
			return p.list(n, e.Args)
		}
	}
	v, diags := e.Value(nil)
	if !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() {
		if s, err := convert.Convert(v, cty.String); err == nil {
			n.text = s.AsString()
			return n
		}
	}
	n.kind, n.text = unknown, string(e.Range().SliceBytes(p.text))
	if n.text == "" {
		n.text = "an expression"
	}
	for _, t := range e.Variables() {
		if attribute, ok := second(t); ok && (t.RootName() == "local" || t.RootName() == "var") {
			_, whole := e.(*hclsyntax.ScopeTraversalExpr)
			n.refs, n.exact = append(n.refs, t.RootName()+"."+attribute), whole && len(t) == 2
		}
	}
	return n
}

func (p *hclParser) list(n *node, items []hclsyntax.Expression) *node {
	n.kind = list
	for _, item := range items {
		n.children = append(n.children, p.expr(item, ""))
	}
	return n
}

// second is the name after the first dot.
func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	a, ok := t[1].(hcl.TraverseAttr)
	return a.Name, ok
}
