package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/config"
	"webproxy/internal/lineartest"
)

// A configuration that is wrong in many places is refused about as fast as it is read.
func TestLoadIsLinear(t *testing.T) {
	many := func(before, each, after string) func(n int) func() {
		return func(n int) func() {
			var b strings.Builder
			b.WriteString(before)
			for i := 0; b.Len() < n; i++ {
				b.WriteString(strings.ReplaceAll(each, "%d", fmt.Sprint(i)))
			}
			b.WriteString(after)
			file := filepath.Join(t.TempDir(), "webproxy.yaml")
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := config.Load(file); err == nil {
					t.Error("it is no valid configuration")
				}
			}
		}
	}
	for name, prepare := range map[string]func(n int) func(){
		"equal ids":                      many("policy:\n  rules:\n", "    - { id: a, hosts: [a.example.com] }\n", ""),
		"equal ids on one line":          many("policy: { rules: [", "{ id: a, hosts: [a.example.com] }, ", "] }\n"),
		"stars without quotes":           many("policy:\n  rules:\n    - id: a\n      hosts:\n", "      - *.a%d.com\n", ""),
		"stars without quotes, one line": many("policy: { rules: [ { id: a, hosts: [", "*.a%d.com, ", "] } ] }\n"),
		"wrong hosts on one line":        many("policy: { rules: [ { id: a, hosts: [", "'*', ", "] } ] }\n"),
		"unknown settings":               many("policy:\n", "  a%d: 1\n", ""),
		"equal settings":                 many("policy:\n", "  rules: []\n", ""),
		"wrong groups":                   many("policy:\n  clients:\n", "    g%d: [nonsense]\n", ""),
		"wrong groups, by name":          many("policy:\n  clients:\n", "    g%d: [10.0.0.0/8]\n", ""),
		"wrong phases":                   many("policy:\n  phases:\n", "    p%d: { days: [nonsense] }\n", ""),
		"no values":                      many("policy:\n  rules:\n", "    - id:\n", ""),
		"quotes":                         many("a: ", "\"", "\n"),
		"brackets":                       many("a: ", "[", "\n"),
		"aliases":                        many("policy:\n", "  - *a%d\n", ""),
	} {
		lineartest.Check(t, name, 16<<10, prepare)
	}
}
