package review

import (
	"fmt"
	"time"

	"webproxy/audit/report"
	"webproxy/config"
	"webproxy/lint"
)

// Remarks returns the warnings of package lint about the rules: entries that are redundant, too wide, or match nothing.
func Remarks(cfg *config.Config, now time.Time) []report.Finding {
	found, _ := lint.Check(lint.Input{Set: cfg.Set, Spec: &cfg.Policy, Now: now}) // errors are about the log, which is not read
	var remarks []report.Finding
	for i := range found {
		f := &found[i]
		if f.Level != lint.Warning {
			continue
		}
		source := f.File
		if f.Line > 0 {
			source = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		remarks = append(remarks, report.Finding{Rule: f.Rule, Source: source, Text: fmt.Sprintf("%s: %s: %s", f.Code, f.Entry, f.Reason)})
	}
	return remarks
}
