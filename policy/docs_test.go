package policy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"webproxy/policy"
)

var truthRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| (yes|no) \\|")

// TestWildcardTruthTable holds the webproxy column of docs/rules.md true.
func TestWildcardTruthTable(t *testing.T) {
	rows := truthRow.FindAllStringSubmatch(rulesDoc(t), -1)
	if len(rows) < 10 {
		t.Fatalf("%d rows found", len(rows))
	}
	for _, row := range rows {
		pattern, host, want := row[1], row[2], row[3] == "yes"
		set := compile(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "a", Hosts: []string{pattern}}}})
		if got := set.Decide(ask(t, "https://"+host)).Permit; got != want {
			t.Errorf("%s admits %s: %t, docs/rules.md says %t", pattern, host, got, want)
		}
	}
}

// Every reason has a line in docs/rules.md.
func TestReasonsAreDocumented(t *testing.T) {
	doc := rulesDoc(t)
	for _, r := range policy.Reasons() {
		if !strings.Contains(doc, "| `"+r.String()+"` |") {
			t.Errorf("docs/rules.md does not explain %s", r)
		}
	}
}

func rulesDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}
