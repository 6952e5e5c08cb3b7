package report

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/spreadsheet"
)

// WriteCSV writes the report's lists as files into dir, which is created if necessary: totals.csv, days.csv,
// hosts.csv, denied.csv, learned.csv, new_hosts.csv, clients.csv, changes.csv, system.csv and rules.csv. Existing
// files are replaced.
func (r *Report) WriteCSV(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	var errs []error
	for _, t := range r.tables() {
		errs = append(errs, writeCSVFile(filepath.Join(dir, t.name), t.rows))
	}
	return errors.Join(errs...)
}

// A csvTable is one file; the first row is the heading.
type csvTable struct {
	name string
	rows [][]string
}

func (r *Report) tables() []csvTable {
	return []csvTable{
		{"totals.csv", r.totalRows()},
		{"days.csv", dayRows(r.Days)},
		{"hosts.csv", useRows(r.AllowedHosts)},
		{"denied.csv", useRows(r.DeniedHosts)},
		{"learned.csv", useRows(r.LearnedHosts)},
		{"new_hosts.csv", useRows(r.NewHosts)},
		{"clients.csv", clientRows(r.Clients)},
		{"changes.csv", eventRows(r.Changes)},
		{"system.csv", eventRows(r.System)},
		{"rules.csv", r.ruleRows()},
	}
}

func (r *Report) totalRows() [][]string {
	rows := [][]string{{"what", "value"}}
	put := func(what, value string) { rows = append(rows, []string{what, value}) }
	number := func(what string, n uint64) { put(what, strconv.FormatUint(n, 10)) }
	put("period", r.Period())
	put("made", r.Made.Format(time.RFC3339))
	put("integrity", r.IntegrityLine())
	put("incomplete", r.Incomplete())
	number("lines that could not be read", r.Stats.Unreadable)
	number("records missing", r.Stats.Missing)
	for _, f := range []struct {
		name string
		Figure
	}{{"allowed", r.Allowed}, {"denied", r.Denied}, {"would deny", r.WouldDeny}} {
		number(f.name+" requests", f.Requests)
		number(f.name+" hosts", uint64(f.Hosts))
		number(f.name+" clients", uint64(f.Clients))
	}
	number("bytes out", r.BytesOut)
	number("bytes in", r.BytesIn)
	number("policy changes", uint64(len(r.Changes)))
	return rows
}

func dayRows(days []audit.Hour) [][]string {
	rows := [][]string{{"day", "allowed", "denied", "would_deny"}}
	for _, d := range days {
		rows = append(rows, []string{
			d.Start.Format(time.DateOnly), strconv.FormatUint(d.Allowed, 10),
			strconv.FormatUint(d.Denied, 10), strconv.FormatUint(d.WouldDeny, 10),
		})
	}
	return rows
}

func useRows(uses []Use) [][]string {
	rows := [][]string{{"host", "port", "reason", "rules", "requests", "clients", "some_clients", "bytes_out", "bytes_in", "first", "last"}}
	for i := range uses {
		u := &uses[i]
		some := make([]string, len(u.Clients))
		for j, a := range u.Clients {
			some[j] = audit.AddrText(a)
		}
		rows = append(rows, []string{
			u.Host, strconv.Itoa(int(u.Port)), u.Reason, strings.Join(u.Rules, " "), strconv.FormatUint(u.Requests, 10),
			strconv.Itoa(u.NClients), strings.Join(some, " "), strconv.FormatUint(u.BytesOut, 10),
			strconv.FormatUint(u.BytesIn, 10), u.First.UTC().Format(time.RFC3339), u.Last.UTC().Format(time.RFC3339),
		})
	}
	return rows
}

func clientRows(uses []Use) [][]string {
	rows := [][]string{{"client", "group", "requests", "hosts", "bytes_out", "bytes_in", "first", "last"}}
	for i := range uses {
		u := &uses[i]
		rows = append(rows, []string{
			audit.AddrText(u.Client), u.Group, strconv.FormatUint(u.Requests, 10), strconv.Itoa(u.NHosts),
			strconv.FormatUint(u.BytesOut, 10), strconv.FormatUint(u.BytesIn, 10),
			u.First.UTC().Format(time.RFC3339), u.Last.UTC().Format(time.RFC3339),
		})
	}
	return rows
}

func eventRows(events []audit.Record) [][]string {
	rows := [][]string{{"ts", "seq", "type", "by", "ticket", "detail", "policy_old", "policy", "added", "removed"}}
	for i := range events {
		e := &events[i]
		rows = append(rows, []string{
			e.Time.Format(audit.TimeLayout), strconv.FormatUint(e.Seq, 10), string(e.Type), e.By, e.Ticket, e.Detail,
			e.PolicyOld, e.Policy, strings.Join(e.Added, "; "), strings.Join(e.Removed, "; "),
		})
	}
	return rows
}

func (r *Report) ruleRows() [][]string {
	rows := [][]string{{"remark", "rule", "entry", "source", "last_used", "expires"}}
	for _, list := range []struct {
		remark string
		rules  []RuleUse
	}{{"unused", r.Unused}, {"expiring", r.Expiring}} {
		for _, u := range list.rules {
			rows = append(rows, []string{list.remark, u.Rule, u.Entry, u.Source, dateOr(u.Last, ""), expiresText(u.Expires)})
		}
	}
	for _, f := range r.Findings {
		rows = append(rows, []string{f.Text, f.Rule, "", f.Source, "", ""})
	}
	return rows
}

// expiresText is the last day on which a rule holds; empty if it does not expire.
func expiresText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return lastDay(t)
}

func writeCSVFile(path string, rows [][]string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := spreadsheet.NewWriter(f)
	for _, row := range rows {
		for i := range row {
			row[i] = audit.Printable(row[i])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	return w.Flush()
}
