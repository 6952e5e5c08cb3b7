package main

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// A setting is one of webproxy.yaml, or the whole of it.
type setting struct {
	path   string // "policy.rules[].hosts"; empty for the whole
	name   string // "hosts"
	doc    string // its comment, with the settings' names
	about  string // the comment of its type, if it is about one of many
	was    string // its earlier name, which is still accepted; mostly empty
	typ    reflect.Type
	fields []*setting // of a section, in the order of the Go type
	elem   *setting   // of a list or mapping
}

// comments finds the comments of types and fields in the source.
type comments struct {
	root     string
	packages map[string]map[string]string // by import path; then by "Type" or "Type.Field"
}

// setting describes the setting at path, of type t.
func (c *comments) setting(path string, t reflect.Type, doc string) (*setting, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := &setting{path: path, name: path[strings.LastIndexByte(path, '.')+1:], doc: doc, typ: t}
	if word(t) != "" {
		return s, nil
	}
	var err error
	switch t.Kind() {
	case reflect.Slice:
		s.elem, err = c.setting(path+"[]", t.Elem(), "")
	case reflect.Map:
		s.elem, err = c.setting(path+".NAME", t.Elem(), "")
	case reflect.Struct:
		err = c.section(s, t)
	}
	return s, err
}

// section describes the fields of s.
func (c *comments) section(s *setting, t reflect.Type) error {
	docs, err := c.of(t.PkgPath())
	if err != nil {
		return err
	}
	names := map[string]string{} // of the settings, by Go name
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			names[t.Field(i).Name] = name
		}
	}
	if about := docs[t.Name()]; aType.MatchString(about) {
		about = aType.ReplaceAllString(about, "Each $1 ")
		s.about = inSettings(strings.Replace(about, "Each are", "These are", 1), names)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := names[f.Name]
		if name == "" {
			continue
		}
		path := name
		if s.path != "" {
			path = s.path + "." + name
		}
		child, err := c.setting(path, f.Type, inSetting(docs[t.Name()+"."+f.Name], names))
		if err != nil {
			return err
		}
		child.was = f.Tag.Get("was")
		s.fields = append(s.fields, child)
	}
	return nil
}

// aType begins the comment of a type that is about its values: "A RuleSpec is ", "TestsSpec are ".
var aType = regexp.MustCompile(`^(?:An? )?\w+Spec (is|says|are) `)

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*\b`)

// properNames are names of settings that are also names of something else.
var properNames = []string{"OTLP", "TLS", "Via", "VictoriaLogs"}

// inSetting is inSettings for the comment of one setting: it begins with the name of that. A proper name further on is
// not that of a setting.
func inSetting(doc string, names map[string]string) string {
	first, rest, ok := strings.Cut(doc, " ")
	if !ok {
		return inSettings(doc, names)
	}
	others := maps.Clone(names)
	for _, name := range properNames {
		delete(others, name)
	}
	return inSettings(first, names) + " " + inSettings(rest, others)
}

// inSettings turns a comment into one about settings: Go names become those of the settings.
func inSettings(doc string, names map[string]string) string {
	var p comment.Parser
	text := strings.TrimSpace(string((&comment.Printer{TextWidth: -1}).Text(p.Parse(doc))))
	return goName.ReplaceAllStringFunc(text, func(word string) string {
		if name := names[word]; name != "" {
			return "`" + name + "`"
		}
		return word
	})
}

// of returns the comments of a package's types and fields.
func (c *comments) of(pkg string) (map[string]string, error) {
	if docs := c.packages[pkg]; docs != nil {
		return docs, nil
	}
	module, dir, _ := strings.Cut(pkg, "/")
	if module != "webproxy" {
		return nil, fmt.Errorf("settings of package %s: not ours", pkg)
	}
	paths, err := filepath.Glob(filepath.Join(c.root, filepath.FromSlash(dir), "*.go"))
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok {
				typeComments(gen, docs)
			}
		}
	}
	c.packages[pkg] = docs
	return docs, nil
}

// typeComments adds to docs the comments of the structs that decl declares.
func typeComments(decl *ast.GenDecl, docs map[string]string) {
	for _, spec := range decl.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		docs[t.Name.Name] = decl.Doc.Text()
		body, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range body.Fields.List {
			for _, name := range f.Names {
				doc := f.Doc.Text()
				if doc == "" {
					doc = f.Comment.Text()
				}
				docs[t.Name.Name+"."+name.Name] = doc
			}
		}
	}
}
