// Command render does what helm lint --strict and helm template do, with helm's packages, and reads each manifest as an API server
// would: building helm itself takes much longer.
//
//	render CHART VALUES [PATH=VALUE]...     prints the manifests, in the order of their files
//
// VALUE is YAML and replaces the value at the dotted PATH. Exit code 3 means that the values do not match the chart's schema.
package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

func main() {
	if len(os.Args) < 3 {
		fail(2, "usage: render CHART VALUES [PATH=VALUE]...")
	}
	dir := os.Args[1]
	text, err := os.ReadFile(os.Args[2])
	values := map[string]any{}
	if err == nil {
		err = yaml.Unmarshal(text, &values)
	}
	if err != nil {
		fail(1, err)
	}
	for _, arg := range os.Args[3:] {
		at, text, _ := strings.Cut(arg, "=")
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			fail(2, err)
		}
		m, parts := values, strings.Split(at, ".")
		for _, part := range parts[:len(parts)-1] {
			next, ok := m[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				m[part] = next
			}
			m = next
		}
		m[parts[len(parts)-1]] = value
	}
	chart, err := loader.Load(dir)
	if err != nil {
		fail(1, err)
	}
	const namespace = "webproxy"
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "webproxy", Namespace: namespace, Revision: 1, IsInstall: true}, nil)
	if err != nil {
		fail(3, err)
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		fail(1, err)
	}
	for _, m := range lint.RunAll(dir, values, namespace).Messages {
		if m.Severity >= support.WarningSev {
			fail(1, m)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := strings.TrimSpace(files[name])
		if text == "" || path.Ext(name) != ".yaml" {
			continue
		}
		for _, manifest := range strings.Split("\n"+text, "\n---\n") {
			if err := checkObject(manifest); err != nil {
				fail(1, fmt.Errorf("%s: %w", name, err))
			}
		}
		fmt.Printf("---\n# %s\n%s\n", name, text)
	}
}

func fail(code int, what any) {
	fmt.Fprintln(os.Stderr, "render:", what)
	os.Exit(code)
}
