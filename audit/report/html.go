package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/spreadsheet"
	"webproxy/internal/wording"
)

//go:embed report.html
var reportPage string

//go:embed report.css
var reportStyle string

// htmlRows is how many rows of a list the page has; the CSV files have all.
const htmlRows = 500

// WriteHTML writes the report as one page that needs nothing else: no script, no other file. Charts are SVG, with
// a table beside each.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"comma": func(n any) string { return wording.Comma(toUint(n)) },
		"bytes": bytesText,
		"date":  func(t time.Time) string { return dateOr(t, "never") },
		"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"first": func(uses []Use) []Use { return uses[:min(len(uses), htmlRows)] },
		"rules": func(rules []RuleUse) []RuleUse { return rules[:min(len(rules), htmlRows)] },
		"more":  func(n int) int { return max(n-htmlRows, 0) },
		"join":  strings.Join,
		"show":  tableCell,
		"until": lastDay,
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(reportStyle))
	return page.Execute(w, map[string]any{
		"R":      r,
		"Style":  template.CSS(reportStyle),
		"Hash":   base64.StdEncoding.EncodeToString(sum[:]),
		"Charts": r.charts(),
	})
}

// tableCell is s as a cell of the page. html/template escapes it; Printable replaces what would reorder or hide the text
// around it, and spreadsheets, which open HTML tables too, get no formula.
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

// bytesText is a number of bytes for people: three digits and a unit.
func bytesText(n uint64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// A chart is bars, one for each day. Lengths are in the units of the SVG.
type chart struct {
	Title string
	Class string
	Bars  []bar
	Lines []gridLine
	Total uint64
}

const (
	chartWidth  = 640.0
	chartHeight = 160.0
	chartLeft   = 60.0 // room for the numbers of the scale
	chartBase   = 135.0
	chartTop    = 10.0
)

type bar struct {
	X, Y, Width, Height float64
	Day                 time.Time
	N                   uint64
	Label               string // under the bar; empty for most
}

type gridLine struct {
	Y    float64
	Text string
}

// charts are those that have something to show.
func (r *Report) charts() []chart {
	var all []chart
	for _, c := range []struct {
		title, class string
		n            func(*audit.Hour) uint64
	}{
		{"Allowed requests by day", "allowed", func(h *audit.Hour) uint64 { return h.Allowed }},
		{"Denied requests by day", "denied", func(h *audit.Hour) uint64 { return h.Denied }},
		{"Requests let through in learn mode, by day", "learned", func(h *audit.Hour) uint64 { return h.WouldDeny }},
	} {
		if made := makeChart(c.title, c.class, r.Days, c.n); made.Total > 0 {
			all = append(all, made)
		}
	}
	return all
}

func makeChart(title, class string, days []audit.Hour, n func(*audit.Hour) uint64) chart {
	c := chart{Title: title, Class: class}
	if len(days) == 0 {
		return c
	}
	most := uint64(0)
	for i := range days {
		most = max(most, n(&days[i]))
		c.Total += n(&days[i])
	}
	scale := niceScale(most)
	for i := range 3 {
		v := scale / 2 * float64(i)
		c.Lines = append(c.Lines, gridLine{Y: chartBase - (chartBase-chartTop)*v/scale, Text: wording.Comma(uint64(v))})
	}
	// By the calendar, so that a day without requests is a gap.
	first := days[0].Start
	slots := int(days[len(days)-1].Start.Sub(first)/day) + 1
	width := (chartWidth - chartLeft) / float64(slots)
	every := max(slots/8, 1)
	for i := range days {
		slot := int(days[i].Start.Sub(first) / day)
		height := (chartBase - chartTop) * float64(n(&days[i])) / scale
		b := bar{
			X: chartLeft + float64(slot)*width, Y: chartBase - height, Width: max(width*0.8, 0.5), Height: height,
			Day: days[i].Start, N: n(&days[i]),
		}
		if slot%every == 0 {
			b.Label = days[i].Start.Format("01-02")
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}

// niceScale is the least of 2, 4, 10, 20, 40, ... that is not below n.
func niceScale(n uint64) float64 {
	if n <= 2 {
		return 2
	}
	power := math.Pow(10, math.Floor(math.Log10(float64(n))))
	for _, f := range []float64{1, 2, 4, 10} {
		if f*power >= float64(n) {
			return f * power
		}
	}
	return 10 * power
}
