package main

import (
	"strings"
	"testing"
)

// Decisions are coloured where colours are shown, and cells stand where they stood.
func TestTableColour(t *testing.T) {
	rows := [][]string{{"DECISION", "HOST"}, {"allow", "a"}, {"deny", "deny"}, {"would_deny", "c"}}
	var plain, coloured strings.Builder
	writeTable(&screen{Writer: &plain}, rows)
	writeTable(&screen{Writer: &coloured, colour: true}, rows)
	want := "DECISION    HOST\n\x1b[32mallow\x1b[0m       a\n\x1b[31mdeny\x1b[0m        deny\n\x1b[33mwould_deny\x1b[0m  c\n"
	if coloured.String() != want {
		t.Errorf("coloured %q, want %q", coloured.String(), want)
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Errorf("plain %q", plain.String())
	}
}
