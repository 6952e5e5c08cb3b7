package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"webproxy/internal/wording"
)

// WriteText writes the report for people: the findings, or with all, every row.
func (r *Report) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "through %s", r.Proxy)
	if group := cmp.Or(r.Group, r.As); group != "" {
		fmt.Fprintf(&b, " as %s", group)
	}
	if r.From != "" {
		fmt.Fprintf(&b, " (%s)", r.From)
	}
	fmt.Fprintf(&b, "   policy %s   %s   %d required\n", r.Policy, strings.TrimSpace(r.List+" "+r.Region), r.Required())
	r.textProxy(&b)
	r.textDNS(&b)
	r.textTLS(&b)
	r.textEndpoints(&b, all)
	r.textUpdates(&b)
	found, blocking := r.Findings()
	switch {
	case found == 0:
		b.WriteString("no findings")
	case found == 1:
		fmt.Fprintf(&b, "1 finding, %s", blocks(blocking))
	default:
		fmt.Fprintf(&b, "%d findings, %s", found, blocks(blocking))
	}
	if found > 0 {
		b.WriteString("        exit 4")
	}
	if !all {
		b.WriteString("        all rows: --all")
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

func blocks(n int) string {
	if n == 1 {
		return "1 blocks a deployment"
	}
	return fmt.Sprintf("%d block a deployment", n)
}

// textLine is a section's first line.
func textLine(b *strings.Builder, section, word, text string) {
	fmt.Fprintf(b, " %-12s %-6s %s\n", section, word, text)
}

func (r *Report) textProxy(b *strings.Builder) {
	if len(r.Notices) == 0 {
		textLine(b, "this proxy", "ok", strings.Join(r.proxyFacts(), ", "))
		return
	}
	for i, n := range r.Notices {
		section := ""
		if i == 0 {
			section = "this proxy"
		}
		textLine(b, section, "FAIL", fmt.Sprintf("%-45s %s", n.Detail, n.Finding.ID))
		textFix(b, n.Fix)
	}
}

// proxyFacts are the facts about a proxy without findings.
func (r *Report) proxyFacts() []string {
	facts := []string{"serving"}
	if r.Ready != "" {
		facts = append(facts, r.Ready, "audit log writable")
	}
	if r.Clocks > 0 {
		off := r.Offset.Abs().Truncate(time.Second).String()
		if r.Offset.Abs() < time.Second {
			off = "less than 1s"
		}
		facts = append(facts, fmt.Sprintf("clock %s off (Date of %s)", off, wording.Plural(r.Clocks, "server")))
	}
	for _, u := range r.Upstreams {
		facts = append(facts, u.Name+" up")
	}
	return facts
}

func textFix(b *strings.Builder, fix string) {
	if fix != "" {
		fmt.Fprintf(b, "%21sfix: %s\n", "", fix)
	}
}

func (r *Report) textDNS(b *strings.Builder) {
	private := 0
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Category != PrivateLink {
			continue
		}
		section := ""
		if private == 0 {
			section = "DNS"
		}
		private++
		textLine(b, section, "FAIL", fmt.Sprintf("%-45s %s", row.Detail, row.Finding.ID))
		textFix(b, row.Fix)
	}
	if private == 0 && r.reached() {
		textLine(b, "DNS", "ok", "no private addresses for public names")
	}
}

// reached reports whether any request reached an origin.
func (r *Report) reached() bool {
	for i := range r.Rows {
		if hops := r.Rows[i].Seen.Hops; len(hops) > 0 && hops[0].Stage == Responded {
			return true
		}
	}
	return false
}

func (r *Report) textTLS(b *strings.Builder) {
	good, bad := 0, 0
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case row.Finding == &findIntercept || row.Finding == &findCert || row.Finding == &findTLS:
			bad++
		case len(row.Seen.Hops) > 0 && len(row.Seen.Hops[0].Chain) > 0:
			good++
		}
	}
	switch {
	case good+bad == 0:
		return
	case bad == 0:
		textLine(b, "TLS on path", "ok", fmt.Sprintf("%d of %d chains as published, no interception", good, good))
		return
	}
	textLine(b, "TLS on path", "FAIL", fmt.Sprintf("%d of %d chains as published", good, good+bad))
}

func (r *Report) textEndpoints(b *strings.Builder, all bool) {
	fmt.Fprintf(b, " %-12s %s", "endpoints", r.counts())
	if e := r.examples(); e != "" {
		b.WriteString("            " + e)
	}
	b.WriteByte('\n')
	alike := map[string][]*Row{}
	if !all {
		for i := range r.Rows {
			if row := &r.Rows[i]; row.kind() != "" {
				alike[row.kind()] = append(alike[row.kind()], row)
			}
		}
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		others := alike[row.kind()]
		switch {
		case len(others) > 0 && others[0] != row: // shown with the first
		case row.Finding != nil && row.Category != PrivateLink:
			fmt.Fprintf(b, "   %-9s %-45s %-34s %s\n", row.Finding.Mark, row.At(), row.Detail, row.Finding.ID)
			if len(others) > 1 {
				fmt.Fprintf(b, "   %9s likewise %s\n", "", names(others[1:]))
			}
			if row.Fix != "" {
				fmt.Fprintf(b, "   %9s fix: %s\n", "", row.Fix)
			}
		case all && row.Finding == nil && row.Category == Skipped:
			fmt.Fprintf(b, "   %-9s %-45s %s\n", "skipped", cmp.Or(row.Listed, row.At()), row.Detail)
		case all && row.Finding == nil:
			fmt.Fprintf(b, "   %-9s %-45s %-34s %s\n", "ok", row.At(), row.Detail, row.Issuer)
		}
	}
}

// kind is equal for endpoints that fail for the same cause; empty for all others.
func (r *Row) kind() string {
	if r.Finding == nil || r.cause == "" {
		return ""
	}
	return r.Finding.ID + " " + r.cause + " " + r.Fix
}

// names is a list of endpoints, shortened.
func names(rows []*Row) string {
	const most = 4
	var all []string
	for _, row := range rows[:min(len(rows), most)] {
		all = append(all, row.At())
	}
	text := strings.Join(all, ", ")
	if more := len(rows) - most; more > 0 {
		text += fmt.Sprintf(" and %d more (--all)", more)
	}
	return text
}

func (r *Report) textUpdates(b *strings.Builder) {
	tried, good := 0, 0
	var slowest time.Duration
	for i := range r.Rows {
		row := &r.Rows[i]
		for j := range row.Seen.Hops {
			slowest = max(slowest, row.Seen.Hops[j].FirstByte)
			if row.Seen.Hops[j].Range != nil {
				tried++
			}
		}
		if row.Ranged {
			good++
		}
	}
	if !r.reached() {
		return
	}
	text := "no file was found to ask for parts of"
	if tried > 0 {
		text = fmt.Sprintf("Range 206 with right lengths: %d of %d", good, tried)
	}
	fmt.Fprintf(b, " %-12s %s   slowest first byte %s\n", "updates", text, slowest.Round(time.Millisecond))
}
