package doctor

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed report.html
var pageText string

// WriteHTML writes the report as one page without scripts, for a support case. node is the name of this machine.
func (r *Report) WriteHTML(w io.Writer, node, version string) error {
	page, err := template.New("report").Option("missingkey=zero").Parse(pageText)
	if err != nil {
		return err
	}
	found, blocking := r.Findings()
	return page.Execute(w, struct {
		*Report
		Checks          []CheckerRow
		Node, Version   string
		Found, Blocking int
		Counts          string
	}{r, r.Checker(node), node, version, found, blocking, r.counts()})
}
