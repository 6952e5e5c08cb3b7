package export_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/audit/export"
	"webproxy/internal/audittest"
)

// A schemaField is a row of a table in testdata/schemas: what others' documents say of a field.
type schemaField struct {
	kind, format string
	required     bool
	values       []string
	atLeastOne   []string // of an object's fields
}

// readSchema reads a table of facts by the paths of the fields.
func readSchema(t *testing.T, name string) map[string]*schemaField {
	t.Helper()
	f, err := os.Open("testdata/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	schema := map[string]*schemaField{}
	for _, row := range rows {
		var values []string
		if row[4] != "" {
			values = strings.Split(row[4], "|")
		}
		if row[1] == "at_least_one" {
			schema[row[0]].atLeastOne = values
			continue
		}
		schema[row[0]] = &schemaField{kind: row[1], format: row[2], required: row[3] == "required", values: values}
	}
	return schema
}

// A conformance holds one event against a schema.
type conformance struct {
	schema map[string]*schemaField
	found  []string
}

func (c *conformance) fault(path, format string, args ...any) {
	c.found = append(c.found, path+": "+fmt.Sprintf(format, args...))
}

// object checks the fields of an object at path, "" for the event.
func (c *conformance) object(path string, object map[string]any) {
	prefix := path
	if path != "" {
		prefix += "."
	}
	for name, value := range object {
		c.field(prefix+name, value)
	}
	for p, f := range c.schema {
		name, ok := strings.CutPrefix(p, prefix)
		if _, there := object[name]; ok && f.required && !there && !strings.Contains(name, ".") {
			c.fault(p, "required, and missing")
		}
	}
	if f := c.schema[path]; f != nil && f.atLeastOne != nil {
		if !slices.ContainsFunc(f.atLeastOne, func(name string) bool { return object[name] != nil }) {
			c.fault(path, "none of %v", f.atLeastOne)
		}
	}
}

func (c *conformance) field(path string, value any) {
	f := c.schema[path]
	if f == nil {
		if object, ok := value.(map[string]any); ok && c.covers(path) {
			c.object(path, object) // ECS names fields, not the objects that they are in
			return
		}
		c.fault(path, "no such field")
		return
	}
	if element, ok := strings.CutSuffix(f.kind, "[]"); ok {
		list, ok := value.([]any)
		if !ok {
			c.fault(path, "%v is no list", value)
		}
		for _, v := range list {
			c.value(path, element, f, v)
		}
		return
	}
	c.value(path, f.kind, f, value)
}

// covers reports whether the schema has fields below path.
func (c *conformance) covers(path string) bool {
	for p := range c.schema {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

var schemaHostname = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

func (c *conformance) value(path, kind string, f *schemaField, value any) {
	text := fmt.Sprint(value)
	switch v := value.(type) {
	case string:
		if kind != "string" || v == "" {
			c.fault(path, "%q, want %s, not empty", v, kind)
		}
	case json.Number:
		if kind != "integer" || strings.ContainsAny(v.String(), ".eE") {
			c.fault(path, "%s, want %s", v, kind)
		}
		text = v.String()
	case map[string]any:
		if kind != "object" {
			c.fault(path, "an object, want %s", kind)
		} else if c.covers(path) {
			c.object(path, v)
		}
		return
	default:
		c.fault(path, "%T, want %s", v, kind)
	}
	if f.values != nil && !slices.Contains(f.values, text) {
		c.fault(path, "%q is none of %v", text, f.values)
	}
	_, addrErr := netip.ParseAddr(text)
	switch f.format {
	case "ip":
		if addrErr != nil {
			c.fault(path, "%q is no address", text)
		}
	case "hostname", "fqdn":
		if !schemaHostname.MatchString(text) || addrErr == nil || f.format == "fqdn" && !strings.Contains(text, ".") {
			c.fault(path, "%q is no %s", text, f.format)
		}
	case "port":
		if n, err := value.(json.Number).Int64(); err != nil || n < 0 || n > 65535 {
			c.fault(path, "%s is no port", text)
		}
	case "date":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			c.fault(path, "%q is no time", text)
		}
	}
}

// unusual are records whose fields other schemas have narrower ideas of.
func unusual() []audit.Record {
	denied := audittest.Decision()
	denied.Decision, denied.Reason, denied.Status, denied.Rule, denied.RuleSource = "deny", "host_not_listed", 403, "", ""
	var all []audit.Record
	for _, host := range []string{"2001:db8::1", "192.0.2.7", "_sip._tcp.example.org", "localhost", "a..b", "", strings.Repeat("a", 64) + ".example"} {
		for _, method := range []string{"CONNECT", "GET", "PATCH", "PROPFIND", "get", ""} {
			r := denied
			r.Host, r.Method = host, method
			all = append(all, r)
			r.Decision, r.Reason, r.Type, r.Status, r.Error = "allow", "allowed_by_rule", audit.TypeClose, 0, "connection_refused"
			all = append(all, r)
		}
	}
	for i := range all {
		all[i].Seq, all[i].ID, all[i].Time = uint64(100+i), fmt.Sprintf("%06d", i), time.Date(2026, 11, 24, 7, 2, 0, 0, time.UTC)
	}
	return all
}

// Every event of every kind of record obeys the schema that its format names.
func TestExportSchemas(t *testing.T) {
	records := append(exported(), unusual()...)
	for format, table := range map[string]string{
		"ocsf": "ocsf-1.3.0-http_activity.csv", "ecs": "ecs-8.11.0.csv", "asim": "asim-websession-0.2.6.csv",
	} {
		schema := readSchema(t, table)
		if format == "ecs" {
			schema["webproxy"] = &schemaField{kind: "object"} // ours, as its guidelines for custom fields have it
		}
		var out strings.Builder
		e, err := export.New(&out, format)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if err := e.Write(&records[i], ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		events := 0
		for line := range strings.Lines(out.String()) {
			events++
			var event map[string]any
			d := json.NewDecoder(strings.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&event); err != nil {
				t.Fatalf("%s: %v\n%s", format, err, line)
			}
			c := conformance{schema: schema}
			c.object("", event)
			if format == "ocsf" && fmt.Sprint(event["type_uid"]) != fmt.Sprintf("4002%02s", event["activity_id"]) {
				c.fault("type_uid", "%v for activity %v", event["type_uid"], event["activity_id"])
			}
			for _, f := range c.found {
				t.Errorf("%s: %s\n%s", format, f, line)
			}
		}
		if want := len(records) - 1; events != want { // all but the reload
			t.Errorf("%s: %d events, want %d", format, events, want)
		}
	}
}

// With one event for each request a close stands for its decision too; what did not end is there, last.
func TestExportJoined(t *testing.T) {
	records := exported() // 1 and 2 are a tunnel, 4 has not ended
	for format, want := range map[string][]uint64{
		"ocsf":   {2, 3, 5, 6, 7, 8, 4},
		"ecs":    {2, 3, 5, 6, 7, 8, 4},
		"ndjson": {2, 3, 5, 6, 7, 8, 9, 4},
	} {
		var out strings.Builder
		e, err := export.New(&out, format)
		if err != nil {
			t.Fatal(err)
		}
		e.JoinRequests()
		for i := range records {
			if err := e.Write(&records[i], ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for line := range strings.Lines(out.String()) {
			var event struct {
				Seq      uint64
				Metadata struct{ Sequence uint64 }
				Event    struct{ Sequence uint64 }
			}
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			got = append(got, event.Seq+event.Metadata.Sequence+event.Event.Sequence)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: records %v, want %v", format, got, want)
		}
	}
}
