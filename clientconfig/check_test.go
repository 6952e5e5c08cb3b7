package clientconfig_test

import (
	"os"
	"strings"
	"testing"

	"webproxy/clientconfig"
)

// checkSite is the site of testdata/check.txt.
func checkSite(t testing.TB) *clientconfig.Plan {
	t.Helper()
	plan, err := clientconfig.Parse(inventories[0].site)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// Each paragraph of testdata/check.txt has a kind, "> ", a list, and the expected findings.
func TestCheck(t *testing.T) {
	const path = "testdata/check.txt"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plan := checkSite(t)
	var out strings.Builder
	n := 0
	for line := range strings.Lines(string(data)) {
		kind, list, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "> ")
		if !ok || strings.Contains(kind, " ") {
			if strings.HasPrefix(line, "# ") {
				out.WriteString("\n" + line)
			}
			continue
		}
		list = strings.NewReplacer(`\t`, "\t", `\u200b`, "\u200b").Replace(list)
		c := clientconfig.Check(clientconfig.Kind(kind), list, plan)
		out.WriteString(line + c.Text())
		n++
		if again := clientconfig.Check(c.Kind, c.Right, plan); len(again.Findings) > 0 {
			t.Errorf("the right list of %q has findings: %s", list, again.Text())
		}
	}
	got := strings.TrimPrefix(out.String(), "\n")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(data) || n < 20 {
		t.Errorf("%d lists; got\n%s", n, got)
	}
}

// FuzzCheck checks that the corrected list has no faults, and that each fault is at its place.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"", "localhost;<local>", "*,*", "a b,,c", "http://x:80/y", "'a'", "192.168.0.0/9,10.0.0.0/8", "fd00::1,::,[::1]", ".,*.,*.*.", "*.azurecr.io,.svc"} {
		f.Add(s)
	}
	plan := checkSite(f)
	f.Fuzz(func(t *testing.T, list string) {
		for _, kind := range clientconfig.Kinds() {
			c := clientconfig.Check(kind, list, plan)
			for _, found := range c.Findings {
				if found.Start < 0 || found.End < found.Start || found.End > len(list) || found.Start < found.End && list[found.Start:found.End] != found.Text && found.ID != "WD-BYPASS-TWICE" {
					t.Fatalf("Check(%s, %q): %+v", kind, list, found)
				}
			}
			c.Text()
			if len(list) > clientconfig.MaxList {
				continue
			}
			if again := clientconfig.Check(kind, c.Right, plan); len(again.Findings) > 0 {
				t.Fatalf("Check(%s, %q): right %q has %s", kind, list, c.Right, again.Text())
			}
		}
	})
}
