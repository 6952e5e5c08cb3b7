package lint_test

import (
	"fmt"
	"testing"
	"time"

	"webproxy/internal/lineartest"
	"webproxy/lint"
	"webproxy/policy"
)

// Entries that no index tells apart are compared with a bounded number of others.
func TestCheckIsLinear(t *testing.T) {
	for name, host := range map[string]string{"ports": "a.example.com", "patterns": "a*b%d.example.com"} {
		lineartest.Check(t, name, 700, func(n int) func() {
			spec := &policy.Spec{}
			for i := range n {
				text := host
				if name == "patterns" {
					text = fmt.Sprintf(host, i)
				}
				spec.Rules = append(spec.Rules, policy.RuleSpec{ID: fmt.Sprintf("r%d", i), Hosts: []string{text}, Ports: []uint16{uint16(i%60000 + 1024)}})
			}
			set, err := policy.Compile(spec, nil, policy.Env{})
			if err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := lint.Check(lint.Input{Set: set, Spec: spec, Now: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
