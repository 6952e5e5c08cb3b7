package lint

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Baseline is the findings that somebody has accepted: one fingerprint a line, and comments after "#". A fingerprint is a
// finding's code, rule and entry, so that a file may be reordered. The zero Baseline accepts nothing.
type Baseline struct {
	accepted map[string]bool
}

// ReadBaseline reads what WriteBaseline wrote, perhaps edited. The error names the first line that is not a fingerprint.
func ReadBaseline(text string) (Baseline, error) {
	b := Baseline{accepted: map[string]bool{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if !slices.Contains(Codes(), Code(words[0])) || len(words) < 3 {
			return Baseline{}, fmt.Errorf("line %d: %q: want a finding's code, its rule and its entry", number, strings.TrimSpace(line))
		}
		b.accepted[strings.Join(words, " ")] = true
	}
	return b, nil
}

// WriteBaseline writes the fingerprints of the findings, sorted and each once.
func WriteBaseline(w io.Writer, findings []Finding) error {
	var b strings.Builder
	b.WriteString("# Findings of webproxy check that are accepted: code, rule, entry.\n")
	lines := make([]string, len(findings))
	for i := range findings {
		lines[i] = findings[i].Fingerprint()
	}
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Split separates findings that are not accepted from those that are. stale is how many fingerprints of b have no finding any
// more.
func (b Baseline) Split(findings []Finding) (open, accepted []Finding, stale int) {
	used := map[string]bool{}
	for _, f := range findings {
		if line := f.Fingerprint(); b.accepted[line] {
			used[line] = true
			accepted = append(accepted, f)
		} else {
			open = append(open, f)
		}
	}
	return open, accepted, len(b.accepted) - len(used)
}
