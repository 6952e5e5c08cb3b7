package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"webproxy/config"
)

// What loads, the schema accepts.
func TestSchemaAcceptsGood(t *testing.T) {
	files, _, err := config.Init(config.InitParams{Region: "eastus", Clients: []string{"nodes=10.0.1.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{"init": files[0].Data}
	for _, path := range glob(t, "testdata/good/*.yaml") {
		if texts[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range texts {
		for _, complaint := range validate(t, text) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
}

// What is wrong with the shape of a file, the schema sees: an editor shows it while it is written.
func TestSchemaRejectsBad(t *testing.T) {
	for _, name := range []string{
		"key-misspelt", "key-unknown", "key-misplaced", "key-case", "null-section", "null-host", "scalar-for-list",
		"list-for-map", "map-for-text", "text-for-settings", "bool-word", "bool-for-text", "port-quoted", "port-too-big",
		"port-zero", "duration-number", "time", "mode", "level", "policy-missing", "rules-missing", "rule-without-id",
		"cloud", "expires", "private", "audit-size", "on-error", "denial-status",
	} {
		text, err := os.ReadFile(filepath.Join("testdata/bad", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(validate(t, text)) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

// validate checks YAML text against the schema, of which it knows the keywords in use.
func validate(t *testing.T, text []byte) []string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(config.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return check(t, root, plain(t, doc.Content[0]), "")
}

func check(t *testing.T, schema map[string]any, v any, path string) (complaints []string) {
	t.Helper()
	bad := func(format string, args ...any) {
		complaints = append(complaints, path+": "+fmt.Sprintf(format, args...))
	}
	object, _ := v.(map[string]any)
	list, _ := v.([]any)
	for keyword, want := range schema {
		switch keyword {
		case "$schema", "title", "description", "properties":
		case "type":
			if got := jsonType(v); got != want {
				bad("is %s, want %s", got, want)
			}
		case "enum":
			if !slices.ContainsFunc(want.([]any), func(w any) bool { return reflect.DeepEqual(w, v) }) {
				bad("%v is none of %v", v, want)
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(s) {
				bad("%q does not match %s", s, want)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < want.(float64) {
				bad("%v is less than %v", n, want)
			}
		case "maximum":
			if n, ok := v.(float64); ok && n > want.(float64) {
				bad("%v is more than %v", n, want)
			}
		case "minItems":
			if list != nil && float64(len(list)) < want.(float64) {
				bad("has too few items")
			}
		case "required":
			for _, name := range want.([]any) {
				if _, ok := object[name.(string)]; object != nil && !ok {
					bad("%s is missing", name)
				}
			}
		case "items":
			for i, item := range list {
				complaints = append(complaints, check(t, want.(map[string]any), item, path+"["+strconv.Itoa(i)+"]")...)
			}
		case "anyOf":
			if !slices.ContainsFunc(want.([]any), func(s any) bool { return len(check(t, s.(map[string]any), v, path)) == 0 }) {
				bad("matches none of %v", want)
			}
		case "additionalProperties":
			properties, _ := schema["properties"].(map[string]any)
			for name, value := range object {
				if s, ok := properties[name]; ok {
					complaints = append(complaints, check(t, s.(map[string]any), value, path+"."+name)...)
				} else if s, ok := want.(map[string]any); ok {
					complaints = append(complaints, check(t, s, value, path+"."+name)...)
				} else {
					bad("%s is no property", name)
				}
			}
		default:
			t.Fatalf("schema keyword %q: unknown to this test", keyword)
		}
	}
	return complaints
}

func jsonType(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}

// plain is n as editors see it: by the core schema of YAML 1.2, which has no dates.
func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, plain(t, c))
		}
		return l
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	return n.Value
}
