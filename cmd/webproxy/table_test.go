package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A table fits its terminal: first columns are left out by their rank, then cells are wrapped at words.
func TestTableFits(t *testing.T) {
	rows := [][]string{
		{"LIST", "ON", "DATE", "TITLE", "SOURCE"},
		{"azure-local", "in azure-local", "2026-11-01", "What a cluster of Azure Local needs from release 2506 on", "https://learn.example.com/azure/azure-local"},
		{"arc", "-", "2026-07-01", "Arc", "short"},
	}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, `
LIST         ON              DATE        TITLE                                                     SOURCE
azure-local  in azure-local  2026-11-01  What a cluster of Azure Local needs from release 2506 on  https://learn.example.com/azure/azure-local
arc          -               2026-07-01  Arc                                                       short
`},
		{100, `
LIST         ON              DATE        TITLE              SOURCE
azure-local  in azure-local  2026-11-01  What a cluster of  https://learn.example.com/azure/azure-lo
                                         Azure Local needs  cal
                                         from release 2506
                                         on
arc          -               2026-07-01  Arc                short
`},
		{60, `
LIST         ON              DATE        TITLE
azure-local  in azure-local  2026-11-01  What a cluster of
                                         Azure Local needs
                                         from release 2506
                                         on
arc          -               2026-07-01  Arc
-w shows SOURCE too
`},
		{30, `
LIST         TITLE
azure-local  What a cluster of
             Azure Local needs
             from release 2506
             on
arc          Arc
-w shows SOURCE, DATE, ON too
`},
	} {
		var b strings.Builder
		if err := writeTable(&screen{Writer: &b, width: tt.width}, rows, "SOURCE", "DATE", "ON"); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != tt.want {
			t.Errorf("width %d:%s", tt.width, got)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); tt.width > 0 && n > tt.width {
				t.Errorf("width %d: a line of %d: %s", tt.width, n, line)
			}
		}
	}
	if got := columnWidths(rows)[0]; got != len("azure-local") {
		t.Errorf("the rows themselves changed: %d", got)
	}
}

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
