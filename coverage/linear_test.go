package coverage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"webproxy/coverage"
	"webproxy/internal/lineartest"
	"webproxy/internal/policytest"
	"webproxy/policy"
)

// A document, and a policy, are compared in a time that grows with their length, whatever their endpoints have in common.
func TestCompareIsLinear(t *testing.T) {
	lines := func(n int, line string) string {
		var b strings.Builder
		for i := 1; b.Len() < n; i++ {
			b.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(i)))
			b.WriteByte('\n')
		}
		return b.String()
	}
	for _, line := range []string{
		"http://www.example.com/a%d", "http://www.example.com/a%d/*", "https://www.example.com:%d", "a%d.example.com", "*.a%d.example.com", "a%d-*.b%d.example.com",
		"http://www.example.com/a?x=%d", "http://*.example.com/a%d", "https://*.example.com:%d",
	} {
		lineartest.Check(t, "documents of "+line, 5<<10, func(n int) func() {
			ours, theirs := document(t, lines(n, line), policy.Place{}), document(t, lines(n, strings.Replace(line, "%d", "x%d", 1)), policy.Place{})
			return func() { ours.Compare(theirs) }
		})
		lineartest.Check(t, "a policy of "+line, 5<<10, func(n int) func() {
			theirs := document(t, lines(n, strings.Replace(line, "%d", "x%d", 1)), policy.Place{})
			set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{{ID: "l", File: "l"}}}, policytest.Library{Files: map[string]string{"l": lines(n, line)}}, policy.Env{})
			if err != nil {
				t.Fatal(err)
			}
			o := coverage.Options{Now: time.Now()}
			return func() {
				coverage.ComparePolicy(set, theirs, o)
				theirs.Check(set, o)
			}
		})
	}
}
