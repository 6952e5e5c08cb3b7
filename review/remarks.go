package review

import (
	"fmt"
	"time"

	"webproxy/audit/report"
	"webproxy/config"
	"webproxy/lint"
)

// Remarks are what a reviewer should know of the rules as they are: which say nothing new, admit too much, or
// admit nothing.
func Remarks(cfg *config.Config, now time.Time) []report.Finding {
	found, _ := lint.Check(lint.Input{Set: cfg.Set, Spec: &cfg.Policy, Now: now}) // an error is of the log, which it is not given
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
