package main

import (
	"bytes"
	"encoding"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"webproxy/config"
)

func TestUpToDate(t *testing.T) {
	files, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("%s does not say what the settings' comments do: run go generate ./config", path)
		}
	}
}

// Every setting is described: by a comment of its own, or by that of its type.
func TestDescribed(t *testing.T) {
	docs := &comments{root: "../..", packages: map[string]map[string]string{}}
	all, err := docs.setting("", reflect.TypeFor[config.Config](), "")
	if err != nil {
		t.Fatal(err)
	}
	page := string(markdown(all))
	var visit func(s, in *setting)
	visit = func(s, in *setting) {
		if s.name != "" && !strings.HasSuffix(s.path, "]") && !strings.HasSuffix(s.path, "NAME") {
			if !strings.Contains(page, "`"+s.name+"`") {
				t.Errorf("%s is not in docs/configuration.md", s.path)
			}
			if s.doc == "" && in.about == "" && !mentioned(s, in) {
				t.Errorf("%s has no comment", s.path)
			}
		}
		for _, f := range s.fields {
			visit(f, s)
		}
		if s.elem != nil {
			visit(s.elem, in)
		}
	}
	visit(all, all)
}

// mentioned reports whether the comment of a neighbour of s, or of the section itself, names it.
func mentioned(s, in *setting) bool {
	for _, f := range append(in.fields, in) {
		if strings.Contains(f.doc, "`"+s.name+"`") {
			return true
		}
	}
	return false
}

// What the schema says of a type's text, the type itself says too.
func TestTexts(t *testing.T) {
	samples := []string{
		"30s", "1h30m", "400d", "off", "256MiB", "1GB", "512B", "2026-12-31", "2026-12-31T18:00:00Z", "2026-12-31T18:00:00+01:00",
		"enforce", "learn", "warn", "http", "https", "refuse", "continue", "text", "json", "debug", "info", "error",
		"", "30", "-1s", "0s", "s", "1 week", "256", "MiB", "31.12.2026", "2026-12-31 18:00", "OFF", "yes", "true", "ftp", "ignore",
	}
	seen := map[string]bool{}
	var visit func(s *setting)
	visit = func(s *setting) {
		x, ok := texts()[s.typ.String()]
		if _, isText := reflect.New(s.typ).Interface().(encoding.TextUnmarshaler); isText && !ok {
			t.Errorf("%s: the schema does not know how %s is written", s.path, s.typ)
		}
		if ok && !seen[s.typ.String()] {
			seen[s.typ.String()] = true
			checkText(t, s.typ, x, samples)
		}
		for _, f := range s.fields {
			visit(f)
		}
		if s.elem != nil {
			visit(s.elem)
		}
	}
	docs := &comments{root: "../..", packages: map[string]map[string]string{}}
	all, err := docs.setting("", reflect.TypeFor[config.Config](), "")
	if err != nil {
		t.Fatal(err)
	}
	visit(all)
	for name := range texts() {
		if !seen[name] {
			t.Errorf("%s is the type of no setting", name)
		}
	}
}

// checkText compares what x says of samples with what the type's UnmarshalText does. A zero that
// is refused by the type may match a pattern.
func checkText(t *testing.T, typ reflect.Type, x text, samples []string) {
	t.Helper()
	v := reflect.New(typ)
	u, ok := v.Interface().(encoding.TextUnmarshaler)
	if !ok || typ.String() == "time.Time" {
		return // decoded by config, whose tests these are
	}
	for _, s := range samples {
		valid := u.UnmarshalText([]byte(s)) == nil
		known := false
		for _, w := range x.words {
			known = known || w == s
		}
		if x.pattern != "" {
			known = regexp.MustCompile(x.pattern).MatchString(s)
		}
		if valid != known && s != "0s" {
			t.Errorf("%s %q: the type takes it: %v, the schema: %v", typ, s, valid, known)
		}
	}
}
