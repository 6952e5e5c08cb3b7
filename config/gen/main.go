// Command gen writes the documentation of the settings of webproxy.yaml: the JSON Schema for editors, and
// docs/configuration.md. Both are made from the types that the file is decoded into, and from the comments of their
// fields. It is run by go generate in the directory of package config.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"webproxy/config"
)

func main() {
	if err := run(".."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes the generated files of the module whose root directory is given.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for path, data := range files {
		if err := os.WriteFile(filepath.Join(root, path), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their paths below root.
func generate(root string) (map[string][]byte, error) {
	docs := &comments{root: root, packages: map[string]map[string]string{}}
	all, err := docs.setting("", reflect.TypeFor[config.Config](), "")
	if err != nil {
		return nil, err
	}
	schema, err := schemaFile(all)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"config/webproxy.schema.json": schema,
		"docs/configuration.md":       markdown(all),
	}, nil
}
