package firewall

import (
	"cmp"
	"io"
	"net/netip"
	"strings"

	"webproxy/internal/spreadsheet"
)

// A Row is a rule with its addresses, as CSV and JSON have it.
type Row struct {
	ID           string   `json:"id"`
	Section      string   `json:"section"`
	Rule         string   `json:"rule"`
	Action       string   `json:"action"`
	Source       Role     `json:"source"`
	Destination  Role     `json:"destination"`
	Protocol     string   `json:"protocol"`
	Ports        []string `json:"ports"`
	SourceAddrs  []string `json:"source_addresses"`
	DestAddrs    []string `json:"destination_addresses"`
	Note         string   `json:"note"`
	Document     string   `json:"document"`
	ServiceTag   string   `json:"service_tag,omitempty"`
	AddressKnown bool     `json:"addresses_known"`
}

// Rows are all rules.
func (e *Export) Rows() []Row {
	rows := make([]Row, len(e.Rules))
	for i := range e.Rules {
		r := &e.Rules[i]
		from, to := e.addresses(r, r.From), e.addresses(r, r.To)
		rows[i] = Row{
			r.ID, r.Section, r.Title, "Allow", r.From, r.To, r.Protocol, append([]string{}, r.Ports...), texts(from), texts(to),
			r.Note, r.Document, r.Tag, len(from) > 0 && len(to) > 0,
		}
	}
	return rows
}

func texts(list []netip.Prefix) []string {
	all := make([]string, len(list))
	for i, p := range list {
		all[i] = prefixText(p)
	}
	return all
}

// WriteCSV writes all rules, one a line.
func (e *Export) WriteCSV(w io.Writer) error {
	cw := spreadsheet.NewWriter(w)
	cw.Write([]string{"id", "section", "rule", "action", "source", "destination", "protocol", "ports", "source_addresses", "destination_addresses", "service_tag", "note", "document"})
	for _, r := range e.Rows() {
		cw.Write([]string{r.ID, r.Section, r.Rule, r.Action, string(r.Source), string(r.Destination), r.Protocol, cmp.Or(strings.Join(r.Ports, " "), "n/a"),
			strings.Join(r.SourceAddrs, " "), strings.Join(r.DestAddrs, " "), r.ServiceTag, r.Note, r.Document})
	}
	return cw.Flush()
}
