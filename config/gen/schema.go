package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// An object is one of the JSON Schema; encoding/json writes its keys in order of the alphabet.
type object = map[string]any

// A text is how values of a type are written.
type text struct {
	word    string   // what the documentation calls them
	words   []string // all values; nil if they are many
	pattern string   // what they match; empty if none is useful
}

const (
	duration = `([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+`
	dateTime = `[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})`
)

// texts are the types that are written as text of a kind. TestTexts has each checked against its type.
func texts() map[string]text {
	return map[string]text{
		"audit.OnError":    {word: "word", words: []string{"refuse", "continue"}},
		"config.LogFormat": {word: "word", words: []string{"text", "json"}},
		"config.LogLevel":  {word: "word", words: []string{"debug", "info", "warn", "error"}},
		"policy.Expiry":    {word: "date or time", pattern: "^([0-9]{4}-[0-9]{2}-[0-9]{2}|" + dateTime + ")$"},
		"policy.Mode":      {word: "word", words: []string{"enforce", "learn"}},
		"egress.Family":    {word: "word", words: []string{"any", "ipv4", "ipv6"}},
		"policy.Scheme":    {word: "word", words: []string{"http", "https"}},
		"policy.TagCheck":  {word: "word", words: []string{"off", "warn", "enforce"}},
		"setting.Duration": {word: "duration or off", pattern: "^(off|[0-9]+d|" + duration + ")$"},
		"setting.Size":     {word: "size or off", pattern: "^(off|[0-9]+ ?([kKMGT]B|[KMGT]iB|B))$"},
		"ship.Compression": {word: "word", words: []string{"gzip", "none"}},
		"ship.Confirm":     {word: "word", words: []string{"close", "write", "readback"}},
		"ship.Facility": {word: "word", words: []string{"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
			"user", "daemon", "auth", "authpriv"}},
		"ship.From":     {word: "word", words: []string{"now", "oldest"}},
		"time.Duration": {word: "duration", pattern: "^([0-9]+d|" + duration + ")$"},
		"time.Time":     {word: "time", pattern: "^" + dateTime + "$"},
	}
}

// limits are the limits of some settings that their types do not have.
func limits() map[string]object {
	port := object{"type": "integer", "minimum": 1, "maximum": 65535}
	return map[string]object{
		"policy.cloud":           {"enum": []string{"public", "china", "usgov"}},
		"policy.rules[].private": {"enum": []string{"allow"}},
		"policy.rules[].id":      {"pattern": "^[A-Za-z0-9._-]{1,64}$"},
		"policy.rules[].ports[]": port,
		"tls.require_tls[]":      port,
		"tls.require_sni[]":      port,
		"denial.http_status":     {"enum": []int{403, 503}},
	}
}

// required are the settings that a section must have.
func required() map[string][]string {
	return map[string][]string{
		"":                           {"policy"},
		"policy":                     {"rules"},
		"policy.rules[]":             {"id"},
		"policy.rules[].service_tag": {"name"},
		"policy.tests.allow[]":       {"from", "to"},
		"policy.tests.deny[]":        {"from", "to"},
	}
}

// schemaFile is the JSON Schema of all settings.
func schemaFile(all *setting) ([]byte, error) {
	s := schema(all)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "webproxy.yaml"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return b.Bytes(), err
}

// schema is the JSON Schema of a setting.
func schema(s *setting) object {
	o := object{}
	if s.doc != "" {
		o["description"] = s.doc
	}
	switch t, ok := texts()[s.typ.String()]; {
	case ok && t.words != nil:
		o["enum"] = t.words
	case ok:
		o["type"], o["pattern"] = "string", t.pattern
	case s.typ.String() == "config.Addresses":
		o["anyOf"] = []object{{"type": "string"}, {"type": "array", "items": object{"type": "string"}, "minItems": 1}}
	case s.fields != nil:
		o["type"], o["additionalProperties"] = "object", false
		properties := object{}
		for _, f := range s.fields {
			properties[f.name] = schema(f)
			if f.was != "" {
				old := schema(f)
				old["deprecated"], old["description"] = true, "The earlier name of "+f.name+"."
				properties[f.was] = old
			}
		}
		o["properties"] = properties
		if names := required()[s.path]; names != nil {
			o["required"] = names
		}
	case s.typ.Kind() == reflect.Map:
		o["type"], o["additionalProperties"] = "object", schema(s.elem)
	case s.typ.Kind() == reflect.Slice:
		o["type"], o["items"] = "array", schema(s.elem)
	default:
		o["type"] = basicTypes()[s.typ.Kind()]
	}
	for key, value := range limits()[s.path] {
		o[key] = value
	}
	return o
}

func basicTypes() map[reflect.Kind]string {
	return map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Uint16: "integer",
	}
}

// word is what the documentation calls values of t; empty if t is a section, a list or a mapping.
func word(t reflect.Type) string {
	if x, ok := texts()[t.String()]; ok {
		return x.word
	}
	if t.String() == "config.Addresses" {
		return "address, or a list"
	}
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return "text"
	case kind == reflect.Bool:
		return "true or false"
	case slices.Contains([]reflect.Kind{reflect.Int, reflect.Int64, reflect.Uint16}, kind):
		return "number"
	}
	return ""
}
