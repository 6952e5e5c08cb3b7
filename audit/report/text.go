package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/columns"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// textRows is how many rows of a list are printed on a terminal.
const textRows = 10

// WriteText writes the report for a terminal that is width characters wide, 0 for any: the figures, and the beginning of each list.
func (r *Report) WriteText(w io.Writer, width int) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n%s\n", r.Period(), r.IntegrityLine())
	if gaps := r.Incomplete(); gaps != "" {
		fmt.Fprintln(b, "INCOMPLETE "+gaps)
	}
	fmt.Fprintln(b, r.Figures())
	writeUses(b, width, "denied, by host", r.DeniedHosts, []string{"HOST", "REASON", "CLIENTS"}, func(u *Use) []string {
		return []string{u.Target(), u.Reason, u.ClientList()}
	})
	writeUses(b, width, "denied, by client", r.DeniedClients, []string{"CLIENT", "GROUP", "HOSTS"}, func(u *Use) []string {
		return []string{orDash(audit.AddrText(u.Client)), orDash(u.Group), wording.Comma(uint64(u.NHosts))}
	})
	writeUses(b, width, "let through in learn mode", r.LearnedHosts, []string{"HOST", "CLIENTS"}, func(u *Use) []string {
		return []string{u.Target(), u.ClientList()}
	})
	writeUses(b, width, "new hosts", r.NewHosts, []string{"HOST", "RULES", "CLIENTS"}, func(u *Use) []string {
		return []string{u.Target(), orDash(strings.Join(u.Rules, " ")), u.ClientList()}
	})
	r.writeChanges(b)
	writeRules(b, width, "rules expiring soon", r.Expiring, func(u *RuleUse) string { return "expires after " + lastDay(u.Expires) })
	writeRules(b, width, "unused rules", r.Unused, func(u *RuleUse) string { return "last used " + dateOr(u.Last, "never") })
	for i, f := range r.Findings {
		if i == 0 {
			fmt.Fprintln(b, "\nremarks on rules")
		}
		if i == textRows {
			fmt.Fprintf(b, " and %d more\n", len(r.Findings)-i)
			break
		}
		fmt.Fprintf(b, " %s (%s): %s\n", f.Rule, f.Source, audit.Printable(f.Text))
	}
	return b.Flush()
}

// Period is the period of the report, in words.
func (r *Report) Period() string {
	from, to := "the beginning of the log", "now"
	if !r.Since.IsZero() {
		from = r.Since.UTC().Format("2006-01-02 15:04")
	}
	if !r.Until.IsZero() {
		to = r.Until.UTC().Format("2006-01-02 15:04")
	}
	return fmt.Sprintf("%s to %s, UTC", from, to)
}

// IntegrityLine says whether the log is intact, or that it was not verified.
func (r *Report) IntegrityLine() string {
	if r.Integrity != "" {
		return r.Integrity
	}
	return "INTEGRITY not verified; see webproxy audit verify"
}

// Incomplete says what of the log is not in the report; empty if nothing is known to be missing.
func (r *Report) Incomplete() string { return r.Stats.Incomplete() }

// Figures are the totals, on one line.
func (r *Report) Figures() string {
	parts := []string{
		fmt.Sprintf("allowed %s (%s)", wording.Comma(r.Allowed.Requests), wording.Amount(uint64(r.Allowed.Hosts), "host")),
		fmt.Sprintf("denied %s (%s)", wording.Comma(r.Denied.Requests), wording.Comma(uint64(r.Denied.Hosts))),
	}
	if r.WouldDeny.Requests > 0 {
		parts = append(parts, fmt.Sprintf("would deny %s (%s)", wording.Comma(r.WouldDeny.Requests), wording.Comma(uint64(r.WouldDeny.Hosts))))
	}
	if r.NewHosts != nil {
		parts = append(parts, fmt.Sprintf("new hosts %d", len(r.NewHosts)))
	} else {
		parts = append(parts, "new hosts unknown (no earlier log)")
	}
	if r.HasRules {
		parts = append(parts, fmt.Sprintf("rules unused %d", len(r.Unused)), fmt.Sprintf("expiring %d", len(r.Expiring)))
	}
	return strings.Join(append(parts, fmt.Sprintf("policy changes %d", len(r.Changes))), "  ")
}

func (r *Report) writeChanges(w io.Writer) {
	if len(r.Changes) == 0 {
		return
	}
	fmt.Fprintf(w, "\npolicy changes\n")
	first := max(len(r.Changes)-textRows, 0)
	if first > 0 {
		fmt.Fprintf(w, " %d earlier ones are in the HTML report\n", first)
	}
	for i := first; i < len(r.Changes); i++ {
		c := &r.Changes[i]
		fmt.Fprintf(w, " %s  %s  %s\n", c.Time.UTC().Format("2006-01-02 15:04Z"), c.Type, audit.Printable(c.Detail+c.Approver()))
		for _, s := range c.Added[:min(len(c.Added), 3)] {
			fmt.Fprintln(w, "   + "+audit.Printable(policy.Readable(s)))
		}
		for _, s := range c.Removed[:min(len(c.Removed), 3)] {
			fmt.Fprintln(w, "   - "+audit.Printable(policy.Readable(s)))
		}
		if more := max(len(c.Added)-3, 0) + max(len(c.Removed)-3, 0); more > 0 {
			fmt.Fprintf(w, "   and %d more\n", more)
		}
	}
}

// Target is the host and port of a Use.
func (u *Use) Target() string {
	switch {
	case u.Host == "":
		return "(no host)"
	case u.Host == audit.Other:
		return audit.Other
	case strings.Contains(u.Host, ":"):
		return fmt.Sprintf("[%s]:%d", u.Host, u.Port)
	}
	return fmt.Sprintf("%s:%d", u.Host, u.Port)
}

// ClientList names clients of a Use, and says how many more there are.
func (u *Use) ClientList() string {
	names := make([]string, len(u.Clients))
	for i, a := range u.Clients {
		names[i] = audit.AddrText(a)
	}
	list := strings.Join(names, " ")
	if more := u.NClients - len(u.Clients); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return orDash(list)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// lastDay is the last day on which a rule holds, as its "expires" has it; "never" if it does not expire.
func lastDay(expires time.Time) string {
	if expires.IsZero() {
		return "never"
	}
	return expires.Add(-time.Nanosecond).UTC().Format(time.DateOnly)
}

func dateOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.DateOnly)
}

// writeUses writes the beginning of a list of Uses; nothing if it is empty.
func writeUses(w io.Writer, width int, title string, uses []Use, heads []string, cells func(*Use) []string) {
	if len(uses) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	rows := [][]string{append(append([]string{" REQUESTS"}, heads...), "LAST (UTC)")}
	for i := range uses[:min(len(uses), textRows)] {
		u := &uses[i]
		rows = append(rows, append(append([]string{" " + wording.Comma(u.Requests)}, printable(cells(u))...), u.Last.UTC().Format("2006-01-02 15:04")))
	}
	columns.Table{Width: width, Drop: []string{"LAST (UTC)"}}.Write(w, rows)
	if more := len(uses) - textRows; more > 0 {
		fmt.Fprintf(w, " and %d more\n", more)
	}
}

// printable makes cells fit for a terminal. Hosts are what strangers sent.
func printable(cells []string) []string {
	for i := range cells {
		cells[i] = audit.Printable(cells[i])
	}
	return cells
}

func writeRules(w io.Writer, width int, title string, rules []RuleUse, note func(*RuleUse) string) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	var rows [][]string
	for i := range rules[:min(len(rules), textRows)] {
		u := &rules[i]
		rows = append(rows, []string{" " + u.Rule, u.Entry, u.Source, note(u)})
	}
	columns.Table{Width: width}.Write(w, rows)
	if more := len(rules) - textRows; more > 0 {
		fmt.Fprintf(w, " and %d more\n", more)
	}
}
