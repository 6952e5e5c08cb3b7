package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// checkSBOM checks the CycloneDX file args[0] against the binary args[1]: it must name exactly the modules that are compiled in, with
// version and licence, Go's standard library included.
func checkSBOM(args []string) error {
	if len(args) != 2 {
		return errors.New("want SBOM and BINARY")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	type component struct {
		Name, Version, Purl string
		Licenses            []any
		Evidence            struct{ Licenses []any }
	}
	var bom struct {
		BOMFormat  string
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(args[1])
	if err != nil {
		return err
	}
	if bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Name != info.Main.Path {
		return fmt.Errorf("it is of %q in the format %q, want %q in CycloneDX", bom.Metadata.Component.Name, bom.BOMFormat, info.Main.Path)
	}
	listed := map[string]component{}
	for _, c := range bom.Components {
		listed[c.Name+"@"+c.Version] = c
	}
	var wrong []error
	want := []string{"std@" + info.GoVersion}
	for _, m := range info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	for _, name := range want {
		c, ok := listed[name]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("%s is in the binary and not in the SBOM", name))
		case c.Purl == "", len(c.Licenses)+len(c.Evidence.Licenses) == 0 && c.Name != "std":
			wrong = append(wrong, fmt.Errorf("%s has no package URL or no licence", name))
		}
		delete(listed, name)
	}
	for name := range listed {
		wrong = append(wrong, fmt.Errorf("%s is in the SBOM and not in the binary", name))
	}
	if len(wrong) == 0 {
		fmt.Printf("%s: all %d modules\n", args[0], len(want))
	}
	return errors.Join(wrong...)
}
