package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"webproxy/clientconfig"
	"webproxy/doctor"
)

// TestFindingsDoc holds docs/findings.md to the findings that there are.
func TestFindingsDoc(t *testing.T) {
	const path = "../../docs/findings.md"
	var b bytes.Buffer
	b.WriteString("# Findings\n\nMade from the code by `make docs`; do not edit. An id never changes its meaning.\n")
	b.WriteString("\n## Endpoints and the way to them\n\nThose of `webproxy doctor`; see [doctor.md](doctor.md).\n")
	for _, f := range doctor.Findings() {
		about := f.About
		if f.Blocks {
			about += " With a required endpoint it blocks a deployment."
		}
		writeFinding(&b, f.ID, f.Title, about, f.Fix)
	}
	b.WriteString("\n## Bypass lists\n\nThose of `webproxy client-config --check`; see [client-config.md](client-config.md).\n")
	for _, f := range clientconfig.Faults() {
		writeFinding(&b, f.ID, f.Says, f.About, f.Fix)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is not what the code says (%v): run make docs", path, err)
	}
}

func writeFinding(b *bytes.Buffer, id, says, about, fix string) {
	fmt.Fprintf(b, "\n### %s\n\n%s. %s\n", id, says, about)
	if fix != "" {
		fmt.Fprintf(b, "\nWhat to do: %s.\n", fix)
	}
}
