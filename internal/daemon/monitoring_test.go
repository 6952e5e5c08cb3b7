package daemon

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What deploy/monitoring asks for are metrics that docs/operations.md has, as TestMetricsAreDocumented holds that against the proxy.
func TestMonitoringAsksForMetrics(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../deploy/monitoring/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of deploy/monitoring: %v", err)
	}
	metric := regexp.MustCompile(`\bwebproxy_[a-z_]+`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metric.FindAllString(string(text), -1) {
			found++
			name = strings.TrimSuffix(name, "_bucket")
			if !regexp.MustCompile("`" + name + "[`{]").Match(doc) {
				t.Errorf("%s asks for %s, which docs/operations.md does not have", file, name)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d metrics found", found)
	}
}
