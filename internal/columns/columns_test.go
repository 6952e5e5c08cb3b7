package columns

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
		table := Table{Width: tt.width, Drop: []string{"SOURCE", "DATE", "ON"}}
		if err := table.Write(&b, rows); err != nil {
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
