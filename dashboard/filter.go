package dashboard

import (
	"errors"
	"net/url"
	"strings"

	"webproxy/audit"
)

// A filter is the part of the log that a page shows, from its URL.
type filter struct {
	Text   string       // expression of the query language
	Query  *audit.Query // nil for all
	Wrong  string       // the error in the expression; then nothing is shown
	Period string       // periodDay or periodAll
}

const (
	periodDay = "24h"
	periodAll = "all"
)

// filterOf reads the filter of a URL. Pages that count rows support only some fields.
func filterOf(v url.Values, rows bool) *filter {
	f := &filter{Text: strings.TrimSpace(v.Get("q")), Period: v.Get("period")}
	if f.Period != periodAll {
		f.Period = periodDay
	}
	if f.Text == "" {
		return f
	}
	if len(f.Text) > 4096 {
		f.Text, f.Wrong = f.Text[:100], "the expression is longer than 4096 bytes"
		return f
	}
	q, err := audit.ParseQuery(f.Text)
	var wrong *audit.QueryError
	switch {
	case errors.As(err, &wrong):
		f.Wrong = wrong.Error()
		if caret := wrong.Caret(); caret != "" {
			f.Wrong += "\n" + caret
		}
	case err != nil:
		f.Wrong = err.Error()
	case rows && !q.RowsSuffice():
		f.Wrong = "this page counts by group, client, host, port, scheme, decision, reason and rule, and knows no other field; Live and the command know all"
	}
	f.Query = q
	return f
}

// matches reports whether f selects r.
func (f *filter) matches(r *audit.Record) bool { return f.Wrong == "" && f.Query.Match(r) }

// All reports whether f selects the whole log.
func (f *filter) All() bool { return f.Period == periodAll }

// expression is the filter and more, as an argument of a command.
func (f *filter) expression(more string) string {
	switch {
	case f.Text == "":
		return shellQuote(more)
	case more == "":
		return shellQuote(f.Text)
	}
	return shellQuote(more + " and (" + f.Text + ")")
}

// since is the flag for the period.
func (f *filter) since() string {
	if f.All() {
		return ""
	}
	return " --since 24h"
}

// shellQuote is s as one word of a shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(audit.Printable(s), "'", `'\''`) + "'"
}
