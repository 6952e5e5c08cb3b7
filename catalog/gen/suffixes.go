package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// suffixHeader begins the file that writeAbove writes.
const suffixHeader = `# Domains that are no public suffix and have one below them, each with one of those, from the Public Suffix List
# (publicsuffix.org) as golang.org/x/net/publicsuffix has it. Made by: go run ./catalog/gen -suffixes RULES
`

// suffixRule finds a rule in a line of the Public Suffix List, or of the Go table that is made from it.
var suffixRule = regexp.MustCompile(`^\s*"?([!*]?[^\s"/]*\.[^\s"/]+)"?,?\s*$`)

// writeAbove reads the rules of the Public Suffix List, one a line, and writes the domains above their suffixes: a wildcard
// there admits names of many owners.
func writeAbove(rules, to string) error {
	data, err := os.ReadFile(rules)
	if err != nil {
		return err
	}
	suffixes := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if m := suffixRule.FindStringSubmatch(line); m != nil && m[1][0] != '!' {
			suffixes[m[1]] = true
		}
	}
	above := map[string]string{}
	for _, s := range slices.Sorted(maps.Keys(suffixes)) {
		_, at, _ := strings.Cut(s, ".")
		for ; strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
			if old := above[at]; !suffixes[at] && (old == "" || len(s) < len(old)) {
				above[at] = s
			}
		}
	}
	if len(above) == 0 {
		return fmt.Errorf("%s: no rules of the Public Suffix List", rules)
	}
	var out bytes.Buffer
	out.WriteString(suffixHeader)
	for _, at := range slices.Sorted(maps.Keys(above)) {
		fmt.Fprintf(&out, "%s %s\n", at, above[at])
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}
