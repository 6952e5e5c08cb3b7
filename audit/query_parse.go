package audit

import (
	"fmt"
	"strings"

	"webproxy/internal/spelling"
)

// A queryParser reads an expression:
//
//	or   = and { "or" and }
//	and  = not { [ "and" ] not }
//	not  = "not" not | "(" or ")" | test
//	test = field operator value | field [ "not" ] "in" ( value | "(" value { "," value } ")" )
type queryParser struct {
	lexer
	query *Query
	ahead token
	depth int
}

func (p *queryParser) parse() *QueryError {
	if err := p.advance(); err != nil {
		return err
	}
	if p.ahead.kind == tokenEnd {
		p.query.root = allOf{}
		return nil
	}
	root, err := p.or()
	if err != nil {
		return err
	}
	if p.ahead.kind != tokenEnd {
		return p.unexpected("and, or, or the end")
	}
	p.query.root = root
	return nil
}

func (p *queryParser) advance() (err *QueryError) {
	p.ahead, err = p.next()
	return err
}

// accept takes the next token if it is of this kind.
func (p *queryParser) accept(kind tokenKind) (bool, *QueryError) {
	if p.ahead.kind != kind {
		return false, nil
	}
	return true, p.advance()
}

func (p *queryParser) unexpected(want string) *QueryError {
	got := p.ahead.text
	if p.ahead.kind == tokenEnd {
		got = "the end"
	}
	return &QueryError{Column: p.ahead.column, Msg: fmt.Sprintf("want %s, not %s", want, got)}
}

func (p *queryParser) or() (node, *QueryError) {
	var parts anyOf
	for {
		part, err := p.and()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		more, err := p.accept(tokenOr)
		if err != nil {
			return nil, err
		}
		if !more && len(parts) == 1 {
			return parts[0], nil
		}
		if !more {
			return parts, nil
		}
	}
}

func (p *queryParser) and() (node, *QueryError) {
	var parts allOf
	for {
		part, err := p.not()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		more, err := p.accept(tokenAnd)
		if err != nil {
			return nil, err
		}
		switch p.ahead.kind {
		case tokenWord, tokenNot, tokenOpen: // two tests next to each other mean and
			more = true
		}
		if !more && len(parts) == 1 {
			return parts[0], nil
		}
		if !more {
			return parts, nil
		}
	}
}

func (p *queryParser) not() (node, *QueryError) {
	if p.depth++; p.depth > depthLimit {
		return nil, &QueryError{Column: p.ahead.column, Msg: fmt.Sprintf("more than %d parentheses in each other", depthLimit)}
	}
	defer func() { p.depth-- }()
	switch p.ahead.kind {
	case tokenNot:
		if err := p.advance(); err != nil {
			return nil, err
		}
		part, err := p.not()
		return notNode{part}, err
	case tokenOpen:
		if err := p.advance(); err != nil {
			return nil, err
		}
		part, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.ahead.kind != tokenClose {
			return nil, p.unexpected(`")"`)
		}
		return part, p.advance()
	case tokenWord:
		return p.test()
	}
	return nil, p.unexpected("a field")
}

func (p *queryParser) test() (node, *QueryError) {
	name := p.ahead
	column := columnIndex(strings.ToLower(name.text), 0)
	if column < 0 {
		err := &QueryError{Column: name.column, Msg: fmt.Sprintf("no such field %q", name.text)}
		if near := nearestField(name.text); near != "" {
			err.Hint = "did you mean " + near + "?"
		}
		return nil, err
	}
	p.query.uses |= 1 << column
	if err := p.advance(); err != nil {
		return nil, err
	}
	negated, err := p.accept(tokenNot)
	if err != nil {
		return nil, err
	}
	if p.ahead.kind != tokenIn {
		if negated || p.ahead.kind != tokenOperator {
			return nil, p.unexpected("one of in, =, !=, ~, !~, <, <=, >, >=")
		}
		return p.comparison(column)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	parts, err := p.list(column)
	if err != nil || !negated {
		return parts, err
	}
	return notNode{parts}, nil
}

// list reads what stands after "in".
func (p *queryParser) list(column int) (node, *QueryError) {
	open, err := p.accept(tokenOpen)
	if err != nil {
		return nil, err
	}
	var parts anyOf
	for {
		part, err := p.value(column, "=")
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if !open {
			return parts, nil
		}
		if comma, err := p.accept(tokenComma); err != nil || comma {
			if err != nil {
				return nil, err
			}
			continue
		}
		if p.ahead.kind != tokenClose {
			return nil, p.unexpected(`"," or ")"`)
		}
		return parts, p.advance()
	}
}

// comparison reads an operator and its value.
func (p *queryParser) comparison(column int) (node, *QueryError) {
	op := p.ahead.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	positive, negated := strings.CutPrefix(op, "!")
	part, err := p.value(column, positive)
	if err != nil || !negated {
		return part, err
	}
	return notNode{part}, nil
}

// value reads a value, and makes the test of it.
func (p *queryParser) value(column int, op string) (node, *QueryError) {
	v := p.ahead
	switch v.kind {
	case tokenAnd, tokenOr, tokenNot, tokenIn: // in place of a value, these are ordinary words
		if v.text == strings.Trim(v.text, "&|!") {
			v.kind = tokenWord
		}
	}
	if v.kind != tokenWord {
		return nil, p.unexpected("a value")
	}
	t, err := newTest(column, op, v)
	if err != nil {
		err.Column = v.column
		return nil, err
	}
	return t, p.advance()
}

// nearestField is the name of the field that word most likely means; empty if none is similar.
func nearestField(word string) string { return spelling.Nearest(word, FieldNames()) }
