package audit

import (
	_ "embed"
	"slices"
)

// The schema is made from the table of columns, and from the description of each in docs/audit.md.
//go:generate go test -run ^TestSchema$ -update .

//go:embed audit.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of a record. As readers must, it accepts types and fields that it
// does not know.
func Schema() []byte { return slices.Clone(schemaJSON) }
