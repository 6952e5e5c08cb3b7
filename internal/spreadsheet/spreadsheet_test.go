package spreadsheet_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"webproxy/internal/spreadsheet"
)

func TestCell(t *testing.T) {
	for _, tt := range []struct{ want, cell string }{
		{"", ""},
		{"www.example.com", "www.example.com"},
		{"/a-b?c=d+e@f", "/a-b?c=d+e@f"},
		{"'=1+1", "=1+1"},
		{"'+1", "+1"},
		{"'-1", "-1"},
		{"'@SUM(A1)", "@SUM(A1)"},
		{"'＝1", "＝1"},
		{"  '=1", "  =1"},
		{"\"'=1", "\"=1"},
		{"\t'=1", "\t=1"},
		{"'=1", "'=1"}, // text already
		// where other separators are set
		{"/;'=cmd|' /C calc'!A0", "/;=cmd|' /C calc'!A0"},
		{"/; \"'=cmd", "/; \"=cmd"},
		{"a,'=b", "a,=b"},
		{"a|'@b", "a|@b"},
		{"a\n'=b", "a\n=b"},
	} {
		if got := spreadsheet.Cell(tt.cell); got != tt.want {
			t.Errorf("Cell(%q) = %q, want %q", tt.cell, got, tt.want)
		}
	}
}

// Whatever separator a program reads with, no cell of it begins a formula, and the row is there.
func FuzzWriter(f *testing.F) {
	for _, s := range []string{"/;=cmd|' /C calc'!A0", "=1", "a\"b;\"+1", "\r\n@x", " \t-1"} {
		f.Add(s, "x")
		f.Add("x", s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var out bytes.Buffer
		w := spreadsheet.NewWriter(&out)
		if err := w.Write([]string{a, b}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if again := spreadsheet.Cell(spreadsheet.Cell(a)); again != spreadsheet.Cell(a) {
			t.Errorf("Cell(Cell(%q)) = %q", a, again)
		}
		r := csv.NewReader(bytes.NewReader(out.Bytes()))
		r.FieldsPerRecord = -1
		if rows, err := r.ReadAll(); err == nil && len(rows) > 0 && len(rows[0]) != 2 {
			t.Errorf("%q, %q: %q", a, b, rows)
		}
		for _, separators := range []string{",", ";", "\t", "|", ",;\t|"} {
			for _, cell := range strings.FieldsFunc(out.String(), func(c rune) bool { return c == '\n' || c == '\r' || strings.ContainsRune(separators, c) }) {
				if cell = strings.TrimLeft(cell, "\" "); cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
					t.Errorf("%q, %q, read with %q: cell %q", a, b, separators, cell)
				}
			}
		}
	})
}
