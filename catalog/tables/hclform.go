package tables

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// hclHint matches a line that only Terraform has, hclPair one that it may have.
var (
	hclHint = lazy(`(?m)^[ \t]*(?:resource|data|module|variable|locals|provider|terraform|output|dynamic)\b[^\n=:']*\{[ \t]*\r?$`)
	hclPair = lazy(`(?m)^[ \t]*[A-Za-z_][A-Za-z0-9_-]*[ \t]*=[ \t]*["\[{<]`)
)

// parseHCL reads Terraform's language. Expressions are not evaluated but for constants.
func parseHCL(text string, line int) (*node, error) {
	if err := hclNesting([]byte(text), line); err != nil {
		return nil, err
	}
	file, diags := hclsyntax.ParseConfig([]byte(text), "", hcl.Pos{Line: line, Column: 1})
	if diags.HasErrors() {
		return nil, diags
	}
	return hclBody(file.Body.(*hclsyntax.Body), "", line), nil
}

// hclNesting refuses a text whose blocks or expressions nest so deep that the parser, which calls itself for each level, would
// need a stack of many megabytes.
func hclNesting(text []byte, line int) error {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.Pos{Line: line, Column: 1}) // what is wrong in it is the parser's to say
	var open []hclsyntax.TokenType
	prefixes := 0 // of the expression: ! and - before it, and conditions whose last part is a condition
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
		case hclsyntax.TokenNewline: // ends an expression, but in [ and (
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

func hclBody(body *hclsyntax.Body, key string, line int) *node {
	n := &node{key: key, line: line, kind: object}
	for name, a := range body.Attributes {
		n.kids = append(n.kids, hclExpr(a.Expr, name))
	}
	for _, b := range body.Blocks {
		n.kids = append(n.kids, hclBody(b.Body, b.Type, b.TypeRange.Start.Line))
	}
	slices.SortStableFunc(n.kids, func(a, b *node) int { return a.line - b.line })
	return n
}

func hclExpr(e hclsyntax.Expression, key string) *node {
	n := &node{key: key, line: e.StartRange().Start.Line}
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		n.kind = list
		for _, item := range e.Exprs {
			n.kids = append(n.kids, hclExpr(item, ""))
		}
		return n
	case *hclsyntax.ObjectConsExpr:
		n.kind = object
		for _, item := range e.Items {
			name := ""
			if v, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
				name = v.AsString()
			}
			n.kids = append(n.kids, hclExpr(item.ValueExpr, name))
		}
		return n
	case *hclsyntax.ParenthesesExpr:
		return hclExpr(e.Expression, key)
	}
	v, diags := e.Value(nil)
	if !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() {
		if s, err := convert.Convert(v, cty.String); err == nil {
			n.text = s.AsString()
			return n
		}
	}
	n.kind, n.text = unknown, "an expression"
	return n
}
