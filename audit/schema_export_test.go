package audit

import (
	"math"
	"net/netip"
	"time"
)

// A schemaObject is one of the JSON Schema; encoding/json writes its keys in order of the alphabet.
type schemaObject = map[string]any

// MakeSchema makes the JSON Schema of a record, with what is said of each field.
func MakeSchema(about map[string]string) any {
	properties := schemaObject{}
	for i := range columns {
		c := &columns[i]
		o := c.schema()
		o["description"] = about[c.name]
		properties[c.name] = o
	}
	return schemaObject{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "webproxy audit record",
		"description": "One line of the audit log. A reader must expect types, and fields, that it does not know.",
		"type":        "object",
		"properties":  properties,
		"required":    []string{"v", "type", "ts", "seq"},
		"allOf": []any{
			whenType(schemaObject{"const": TypeDecision}, inDecision),
			whenType(schemaObject{"const": TypeClose}, inClose),
			whenType(schemaObject{"const": TypeRepeat}, inRepeat),
			whenType(schemaObject{"pattern": `^(admin|system)\.`}, inEvent),
		},
	}
}

// whenType says which fields records of a kind always have.
func whenType(typ schemaObject, kind kinds) schemaObject {
	var always []string
	for i := range columns {
		if columns[i].always&kind != 0 {
			always = append(always, columns[i].name)
		}
	}
	return schemaObject{
		"if":   schemaObject{"properties": schemaObject{"type": typ}, "required": []string{"type"}},
		"then": schemaObject{"required": always},
	}
}

func (c *column) schema() schemaObject {
	const timePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`
	switch c.name {
	case "v":
		return schemaObject{"const": Version}
	case "decision":
		return schemaObject{"enum": []string{"allow", "deny", "would_deny"}}
	}
	whole := func(limit uint64) schemaObject {
		return schemaObject{"type": "integer", "minimum": 0, "maximum": limit}
	}
	switch c.at(new(Record)).(type) {
	case *Type:
		return schemaObject{"type": "string", "pattern": `^[a-z]+\.[a-z_]+$`, "examples": Types()}
	case *string:
		return schemaObject{"type": "string", "maxLength": c.limit}
	case *[]string:
		return schemaObject{"type": "array", "maxItems": listLimit, "items": schemaObject{"type": "string", "maxLength": c.limit}}
	case *time.Time:
		return schemaObject{"type": "string", "format": "date-time", "pattern": timePattern}
	case *netip.Addr:
		return schemaObject{"type": "string", "anyOf": []any{schemaObject{"format": "ipv4"}, schemaObject{"format": "ipv6"}, schemaObject{"const": ""}}}
	case *bool:
		return schemaObject{"type": "boolean"}
	case *uint16:
		return whole(math.MaxUint16)
	case *uint64:
		o := whole(math.MaxUint64)
		if c.name == "seq" {
			o["minimum"] = 1
		}
		return o
	case *int, *int64, *time.Duration:
		return schemaObject{"type": "integer", "minimum": 0}
	}
	panic("audit: no schema for the column " + c.name)
}
