package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"webproxy/audit"
)

// fieldMeanings reads what docs/audit.md says of each field.
func fieldMeanings(t *testing.T) map[string]string {
	t.Helper()
	docs, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| (`[a-z0-9_`, ]+`) \\| ([A-Z ]*) ?\\| ([a-z:/]+) \\| (.*) ?\\|$")
	name := regexp.MustCompile("`([a-z0-9_]+)`")
	link := regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	for _, m := range row.FindAllStringSubmatch(string(docs), -1) {
		text := link.ReplaceAllString(strings.TrimSpace(m[4]), "$1")
		for _, n := range name.FindAllStringSubmatch(m[1], -1) {
			about[n[1]] = text
		}
	}
	return about
}

// The schema is that of the columns, and of what the documentation says of them.
func TestSchema(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(audit.MakeSchema(fieldMeanings(t))); err != nil {
		t.Fatal(err)
	}
	const path = "audit.schema.json"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(audit.Schema(), b.Bytes()) {
		t.Errorf("%s is not what columns and docs/audit.md say: run make docs", path)
	}
	var schema struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(audit.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for name, p := range schema.Properties {
		if p.Description == "" && name != "client_port" && name != "by" {
			t.Errorf("docs/audit.md has no meaning of %s", name)
		}
	}
}

// schemaValidator returns what the schema says of a line.
func schemaValidator(t *testing.T) func(line []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(audit.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("audit.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("audit.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(line []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
}

// The golden records are what the schema says; records that are not are found out.
func TestSchemaOfGolden(t *testing.T) {
	validate := schemaValidator(t)
	for _, typ := range audit.Types() {
		line, err := os.ReadFile(filepath.Join("testdata", "golden", string(typ)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(line); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	golden, err := os.ReadFile("testdata/golden/egress.decision.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		valid      bool
		old, other string // in the line of a decision
	}{
		{true, `"v":1`, `"novel":true,"v":1`},
		{true, `"egress.decision"`, `"novel.type"`},
		{true, `"client":"10.0.1.12"`, `"client":"fd00::1"`},
		{true, `"client":"10.0.1.12"`, `"client":""`},
		{false, `"v":1`, `"v":2`},
		{false, `"seq":1240377`, `"seq":0`},
		{false, `"seq":1240377`, `"seq":"1240377"`},
		{false, `"decision":"allow"`, `"decision":"maybe"`},
		{false, `"decision":"allow",`, ``},
		{false, `"client":"10.0.1.12"`, `"client":"10.0.1"`},
		{false, `"port":443`, `"port":65536`},
		{false, `.123Z`, `Z`},
		{false, `"group":"nodes"`, `"group":["nodes"]`},
		{false, `"group":"nodes"`, `"group":"` + strings.Repeat("x", 65) + `"`},
	}
	for _, tt := range tests {
		line := strings.Replace(string(golden), tt.old, tt.other, 1)
		if line == string(golden) {
			t.Fatalf("%s is not in %s", tt.old, golden)
		}
		if err := validate([]byte(line)); (err == nil) != tt.valid {
			t.Errorf("%s for %s: %v, want it to be valid: %v", tt.other, tt.old, err, tt.valid)
		}
	}
}

// The format for lnav has every field but one: lnav makes a table of them, in which none can be called group.
func TestLnavFormat(t *testing.T) {
	data, err := os.ReadFile("../docs/webproxy.lnav.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format struct {
			Value map[string]any
		} `json:"webproxy_audit"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal(audit.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for name := range schema.Properties {
		if _, ok := file.Format.Value[name]; !ok && name != "ts" && name != "group" {
			t.Errorf("docs/webproxy.lnav.json does not have the field %s", name)
		}
	}
	for name := range file.Format.Value {
		if _, ok := schema.Properties[name]; !ok || name == "group" {
			t.Errorf("docs/webproxy.lnav.json has a field %s", name)
		}
	}
}
