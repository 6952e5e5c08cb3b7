package config

import (
	_ "embed"
	"slices"
)

// The schema and docs/configuration.md are made from the types of the settings and their comments.
//
//go:generate go run ./gen

//go:embed webproxy.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of webproxy.yaml, with which editors complete and check it.
func Schema() []byte { return slices.Clone(schemaJSON) }
