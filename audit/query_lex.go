package audit

import (
	"strings"
	"unicode/utf8"
)

// A token is a piece of an expression.
type token struct {
	kind   tokenKind
	text   string // of a word: its value, without quotes
	quoted bool   // then it is no keyword, and a star in it is a star
	column int    // from 1
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenOperator // = != ~ !~ < <= > >=
	tokenOpen
	tokenClose
	tokenComma
	tokenAnd
	tokenOr
	tokenNot
	tokenIn
)

// A lexer splits an expression into tokens.
type lexer struct {
	text string
	pos  int
}

// operators, the longer first.
var operators = [...]string{"!=", "!~", "<=", ">=", "==", "=", "~", "<", ">"}

// signs are other tokens that are not words.
var signs = [...]struct {
	text string
	kind tokenKind
}{{"&&", tokenAnd}, {"||", tokenOr}, {"(", tokenOpen}, {")", tokenClose}, {",", tokenComma}, {"!", tokenNot}}

// keywords are words with a meaning, in any case.
func keyword(word string) tokenKind {
	switch strings.ToLower(word) {
	case "and":
		return tokenAnd
	case "or":
		return tokenOr
	case "not":
		return tokenNot
	case "in":
		return tokenIn
	}
	return tokenWord
}

func (l *lexer) next() (token, *QueryError) {
	l.pos += len(l.text[l.pos:]) - len(strings.TrimLeft(l.text[l.pos:], " \t\r\n"))
	rest := l.text[l.pos:]
	t := token{column: l.pos + 1}
	if rest == "" {
		return t, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			t.kind, t.text = tokenOperator, op
			if op == "==" {
				t.text = "="
			}
			return t, nil
		}
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s.text) {
			l.pos += len(s.text)
			t.kind, t.text = s.kind, s.text
			return t, nil
		}
	}
	if rest[0] == '"' || rest[0] == '\'' {
		return l.quoted(t)
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return strings.ContainsRune(" \t\r\n=~<>!,()\"'&|", c) })
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		_, n := utf8.DecodeRuneInString(rest)
		return t, &QueryError{Column: t.column, Msg: rest[:n] + " has no meaning here", Hint: `put values with signs in them in quotes: path = "/a,b"`}
	}
	l.pos += end
	t.text = rest[:end]
	t.kind = keyword(t.text)
	return t, nil
}

// quoted reads a word in quotes. A backslash takes the next character as it is.
func (l *lexer) quoted(t token) (token, *QueryError) {
	quote := l.text[l.pos]
	var b strings.Builder
	for i := l.pos + 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\\' && i+1 < len(l.text) && (l.text[i+1] == quote || l.text[i+1] == '\\'):
			i++
			b.WriteByte(l.text[i])
		case c == quote:
			l.pos = i + 1
			t.kind, t.text, t.quoted = tokenWord, b.String(), true
			return t, nil
		default:
			b.WriteByte(c)
		}
	}
	return t, &QueryError{Column: t.column, Msg: "this quote is not closed"}
}
