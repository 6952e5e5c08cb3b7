package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/pagestyle"
	"webproxy/internal/spreadsheet"
	"webproxy/internal/svg"
	"webproxy/internal/wording"
	"webproxy/policy"
)

//go:embed report.html
var reportPage string

// htmlRows is how many rows of a list the page has; the CSV files have all.
const htmlRows = 500

// WriteHTML writes the report as one self-contained page: no script, no other file. Charts are SVG, with a table
// beside each.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"comma":        func(n any) string { return wording.Comma(toUint(n)) },
		"bytes":        wording.Bytes,
		"date":         func(t time.Time) string { return dateOr(t, "never") },
		"time":         func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"byDomain":     byDomain,
		"firstDomains": func(all []Domain) []Domain { return all[:min(len(all), shownDomains)] },
		"moreDomains":  func(all []Domain) int { return max(len(all)-shownDomains, 0) },
		"first":        func(uses []Use) []Use { return uses[:min(len(uses), htmlRows)] },
		"rules":        func(rules []RuleUse) []RuleUse { return rules[:min(len(rules), htmlRows)] },
		"more":         func(n int) int { return max(n-htmlRows, 0) },
		"join":         strings.Join,
		"show":         tableCell,
		"readable":     policy.Readable,
		"until":        lastDay,
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	if _, err := page.Parse(svg.Templates); err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"R":      r,
		"Style":  template.CSS(pagestyle.CSS),
		"Policy": PolicyOfContent(),
		"Charts": r.charts(),
	})
}

// PolicyOfContent is the Content-Security-Policy of the page: its own style, and nothing else.
func PolicyOfContent() string {
	sum := sha256.Sum256([]byte(pagestyle.CSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// tableCell is s as a cell of the page. html/template escapes it. Printable replaces characters that would reorder or
// hide the text around it, and spreadsheets, which open HTML tables too, get no formula.
func tableCell(s string) string { return spreadsheet.Cell(audit.Printable(s)) }

func toUint(n any) uint64 {
	switch n := n.(type) {
	case int:
		return uint64(n)
	case uint64:
		return n
	}
	panic(fmt.Sprintf("audit: report counts a %T", n))
}

// charts are the charts with data.
func (r *Report) charts() []svg.Chart {
	var all []svg.Chart
	for _, c := range []struct {
		title, class string
		n            func(*audit.Hour) uint64
	}{
		{"Allowed requests by day", "allow", func(h *audit.Hour) uint64 { return h.Allowed }},
		{"Denied requests by day", "deny", func(h *audit.Hour) uint64 { return h.Denied }},
		{"Requests let through in learn mode, by day", "would_deny", func(h *audit.Hour) uint64 { return h.WouldDeny }},
	} {
		counts := make([]svg.Count, len(r.Days))
		for i := range r.Days {
			counts[i] = svg.Count{At: r.Days[i].Start, N: c.n(&r.Days[i])}
		}
		if made := svg.Days(c.title, c.class, counts); made.Total > 0 {
			all = append(all, made)
		}
	}
	return all
}
