package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// checkSchema fails if the file args[1], YAML or JSON, does not match the JSON schema in the file args[0], formats included.
func checkSchema(args []string) error {
	if len(args) != 2 {
		return errors.New("want SCHEMA and FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const name = "file:///schema.json"
	if err := c.AddResource(name, doc); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil { // JSON is YAML
		return fmt.Errorf("%s: %w", args[1], err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return nil
}
