package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"reflect"
	"strings"
)

// intro is the part of docs/configuration.md that people write.
//
//go:embed intro.md
var intro string

// markdown is docs/configuration.md.
func markdown(all *setting) []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Made by go generate ./config from config/gen/intro.md and the comments of the settings. -->\n")
	b.WriteString(intro)
	b.WriteString("\n## Settings\n\n| setting | is | |\n|---|---|---|\n")
	for _, f := range all.fields {
		row(&b, f)
	}
	for _, f := range all.fields {
		section(&b, f)
	}
	return b.Bytes()
}

// section writes the table of s, if it is a section or holds sections, and those below it.
func section(b *bytes.Buffer, s *setting) {
	inner := s
	for inner.elem != nil {
		inner = inner.elem
	}
	if inner.fields == nil {
		return
	}
	fmt.Fprintf(b, "\n### `%s`\n\n", inner.path)
	if s.doc != "" {
		fmt.Fprintf(b, "%s\n\n", s.doc)
	}
	if inner.about != "" {
		fmt.Fprintf(b, "%s\n\n", inner.about)
	}
	b.WriteString("| setting | is | |\n|---|---|---|\n")
	for _, f := range inner.fields {
		row(b, f)
	}
	for _, f := range inner.fields {
		section(b, f)
	}
}

func row(b *bytes.Buffer, s *setting) {
	doc := strings.NewReplacer("|", "\\|", "\n", " ").Replace(s.doc)
	if s.was != "" {
		doc += fmt.Sprintf(" Earlier name: `%s`, understood with a warning.", s.was)
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", s.name, kind(s), doc)
}

// kind says in words what a setting's value is.
func kind(s *setting) string {
	if x, ok := texts()[s.typ.String()]; ok && x.words != nil {
		return strings.Join(x.words, ", ")
	}
	if enum, ok := limits()[s.path]["enum"]; ok {
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(enum), " ", ", "), "[]")
	}
	if w := word(s.typ); w != "" {
		return w
	}
	switch s.typ.Kind() {
	case reflect.Slice:
		if s.elem.fields != nil {
			return "list of sections"
		}
		return "list: " + kind(s.elem)
	case reflect.Map:
		if s.elem.fields != nil {
			return "sections by name"
		}
		return "by name: " + kind(s.elem)
	}
	return "section"
}
