package learn_test

import (
	"strings"
	"testing"

	"webproxy/learn"
	"webproxy/policy"
)

// Every byte of a list that was there stays.
func TestAppendLines(t *testing.T) {
	for _, tt := range []struct{ before, want string }{
		{"", "a.example.com\nb.example.com\n"},
		{"# only\n", "# only\na.example.com\nb.example.com\n"},
		{" x.example.com \t# no end", " x.example.com \t# no end\na.example.com\nb.example.com\n"},
		{"x\r\n\r\n", "x\r\n\r\na.example.com\r\nb.example.com\r\n"},
		{"x\r\ny", "x\r\ny\r\na.example.com\r\nb.example.com\r\n"},
	} {
		if got := string(learn.AppendLines([]byte(tt.before), []string{"a.example.com", "b.example.com"})); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.before, got, tt.want)
		}
	}
}

func TestHasLine(t *testing.T) {
	list := []byte("# a.example.com:443\nx.example.com:443 by=ann reason=\"CHG 1\" # note\nhttp://x.example.com\n" +
		"soon.example.com:443 expires=2030-01-01\nphased.example.com:443 phase=updates\nnot an entry\n*.w.example.com\r\n")
	for line, want := range map[string]bool{
		"x.example.com:443 by=bob":                    true,
		"x.example.com":                               true,
		"X.Example.com.:443":                          true,
		"http://x.example.com:80":                     true,
		"*.w.example.com:443":                         true,
		"a.example.com:443":                           false, // a comment
		"x.example.com:8443":                          false,
		"soon.example.com:443":                        false, // it would end
		"soon.example.com:443 expires=2029-06-01":     true,
		"soon.example.com:443 expires=2031-01-01":     false,
		"phased.example.com:443":                      false, // it holds in a phase only
		"phased.example.com:443 phase=updates":        true,
		"x.example.com:443 phase=updates":             false,
		"y.w.example.com:443":                         false, // another entry, although it is covered
		"x.example.com:443 expires=2027-01-01 by=bob": true,
	} {
		if got := learn.HasLine(list, line); got != want {
			t.Errorf("HasLine(%q) = %v, want %v", line, got, want)
		}
	}
}

// A mode is set, and nothing else of the text changes.
func TestSetMode(t *testing.T) {
	for _, tt := range []struct{ name, before, want string }{
		{"in braces", "policy:\n  modes: { nodes: learn } # x\n  rules: []\n", "policy:\n  modes: { nodes: enforce } # x\n  rules: []\n"},
		{"in lines", "policy:\n  modes:\n    # first\n    nodes:   'learn'   # x\n    wac: learn\n", "policy:\n  modes:\n    # first\n    nodes:   enforce   # x\n    wac: learn\n"},
		{"only the default", "policy:\n  modes: { default: learn }\n", "policy:\n  modes: { nodes: enforce, default: learn }\n"},
		{"only the default, in lines", "policy:\n  modes:\n    default: learn\n", "policy:\n  modes:\n    nodes: enforce\n    default: learn\n"},
		{"none", "policy:\n    # c\n    clients: { nodes: [10.0.1.0/24] }\n", "policy:\n    # c\n    modes: { nodes: enforce }\n    clients: { nodes: [10.0.1.0/24] }\n"},
		{"none, in braces", "policy: { rules: [] }", "policy: { modes: { nodes: enforce }, rules: [] }"},
		{"empty", "policy: { modes: {}, rules: [] }\n", "policy: { modes: { nodes: enforce }, rules: [] }\n"},
		{"other letters before it", "# é\npolicy: { names: { keyvault: \"é\" }, modes: { nodes: \"learn\" } }\n", "# é\npolicy: { names: { keyvault: \"é\" }, modes: { nodes: enforce } }\n"},
		{"ends of DOS", "policy:\r\n  modes:\r\n    default: learn\r\n", "policy:\r\n  modes:\r\n    nodes: enforce\r\n    default: learn\r\n"},
	} {
		got, err := learn.SetMode([]byte(tt.before), "nodes", policy.Enforce)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\n got %q\nwant %q", tt.name, err, got, tt.want)
		}
	}
	for text, want := range map[string]string{
		"":                            "has no settings",
		"- a\n":                       "has no settings",
		"listen: x\n":                 "has no policy section",
		"policy: []\n":                "has no policy section",
		"policy:\n  modes: learn\n":   "line 2: policy.modes is not a mapping",
		"policy: { modes: [nodes] }":  "policy.modes is not a mapping",
		"policy: { rules: [\n":        "set mode of nodes: yaml",
		"policy: {}\n":                "has no policy section",
		"a: &x 1\npolicy: *y\nb: *x ": "unknown anchor",
	} {
		if got, err := learn.SetMode([]byte(text), "nodes", policy.Enforce); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}
