package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/audit/export"
	"webproxy/internal/spreadsheet"
)

func newAuditQuery() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query [EXPR]",
		Short: "Search the audit log, or count by fields",
		Long: `Query prints the records that an expression matches, or, with --by, counts requests by one or more fields. A
request is counted once, although it has a record for its decision and one for its end.

Expressions compare fields of the log: = and != with a value, a wildcard or, for addresses, a prefix;
~ and !~ with a regular expression; < <= > >= with numbers, sizes, durations and times; in (a, b). They are joined by
and, or, not and parentheses; two expressions beside each other mean and. See docs/reading.md.`,
		Example: `  webproxy audit query 'decision=deny group=nodes' --since 30d --by host
  webproxy audit query 'host = *.blob.core.windows.net and not client in 10.0.1.0/24' -o csv
  webproxy audit query 'type=egress.close bytes_out > 100MiB' --by client,host --top 10`,
	}
	log, win := auditLogFlags(cmd), windowFlags(cmd)
	f := addQueryFlags(cmd, "client,host")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		dir, o, err := log.scan(cmd, args, win)
		if err != nil {
			return err
		}
		stop := sync.OnceFunc(showProgress(cmd.ErrOrStderr(), "reading", o.Progress))
		defer stop()
		if len(*f.by) > 0 {
			return countBy(cmd, dir, o, *f.by, *f.top, *f.output, stop)
		}
		before := func() {}
		if isTerminal(cmd.OutOrStdout()) { // a record must not follow a line of progress
			before = stop
		}
		stats, err := listRecords(cmd.OutOrStdout(), dir, o, *f.limit, *f.output, tableWidth(cmd.OutOrStdout()), before)
		stop()
		sayIncomplete(cmd.ErrOrStderr(), &stats)
		return err
	}
	toFile(cmd)
	return cmd
}

// queryFlags say how the records of a query are printed.
type queryFlags struct {
	output     *string
	by         *[]string
	top, limit *int
}

// addQueryFlags adds them; example is of --by.
func addQueryFlags(cmd *cobra.Command, example string) queryFlags {
	return queryFlags{
		output: cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table, json, csv or ndjson"),
		by:     cmd.Flags().StringSlice("by", nil, "count by these `FIELDS`, such as host or "+example+"; also day and hour"),
		top:    cmd.Flags().Int("top", 0, "with --by: only the `N` largest counts"),
		limit:  cmd.Flags().Int("limit", 0, "print at most `N` records, the oldest"),
	}
}

func (f *queryFlags) check() error {
	if err := wantOutput(*f.output, "table", "json", "csv", "ndjson"); err != nil {
		return err
	}
	if *f.top < 0 || *f.limit < 0 || *f.top > 0 && len(*f.by) == 0 || *f.limit > 0 && len(*f.by) > 0 {
		return usageError{fmt.Errorf("--top N goes with --by, --limit N goes without")}
	}
	return nil
}

// largest returns the largest counts of groups, as --top says, in their order.
func largest(groups []audit.Group, top int) []audit.Group {
	if top > 0 {
		groups = groups[:min(top, len(groups))]
	}
	return groups
}

// listRecords prints records as they are read, limit at most unless that is 0. It calls before immediately before it prints.
func listRecords(w io.Writer, dir string, o audit.ScanOptions, limit int, format string, width int, before func()) (audit.Stats, error) {
	p, err := newRecordPrinter(w, format, width)
	if err != nil {
		return audit.Stats{}, err
	}
	n := 0
	stats, err := audit.ScanLines(dir, o, func(r *audit.Record, line string) error {
		before()
		if err := p.print(r, line); err != nil {
			return err
		}
		if n++; n == limit {
			return fs.SkipAll
		}
		return nil
	})
	before()
	if closeErr := p.close(); err == nil {
		err = closeErr
	}
	return stats, err
}

// flush prints what is buffered, in formats that allow it.
func (p *recordPrinter) flush() error { return p.out.Flush() }

// A recordPrinter prints records in one of the formats of query.
type recordPrinter struct {
	out   *bufio.Writer
	print func(r *audit.Record, line string) error
	close func() error
}

// newRecordPrinter prints to w; a table is width wide, and has all columns if that is 0.
func newRecordPrinter(w io.Writer, format string, width int) (*recordPrinter, error) {
	p := &recordPrinter{out: bufio.NewWriterSize(w, 64<<10)}
	p.close = p.out.Flush
	switch format {
	case "table":
		t := recordTableFor(w, width)
		p.out.WriteString(t.heading())
		p.print = func(r *audit.Record, _ string) error {
			_, err := io.WriteString(p.out, t.row(r))
			return err
		}
	case "json":
		separator := "["
		p.print = func(_ *audit.Record, line string) error {
			_, err := io.WriteString(p.out, separator+"\n"+line)
			separator = ","
			return err
		}
		p.close = func() error {
			if separator == "[" {
				p.out.WriteString("[")
			}
			p.out.WriteString("\n]\n")
			return p.out.Flush()
		}
	default: // csv, ndjson
		e, err := export.New(p.out, format)
		if err != nil {
			return nil, err
		}
		p.print = e.Write
		p.close = func() error {
			if err := e.Flush(); err != nil {
				return err
			}
			return p.out.Flush()
		}
	}
	return p, nil
}

// countBy prints counts; it calls done when all is read.
func countBy(cmd *cobra.Command, dir string, o audit.ScanOptions, by []string, top int, format string, done func()) error {
	grouping, err := audit.ParseGrouping(by)
	if err != nil {
		return usageError{fmt.Errorf("--by: %w", err)}
	}
	groups, stats, err := audit.CountBy(dir, o, grouping)
	done()
	if err != nil {
		return err
	}
	sayIncomplete(cmd.ErrOrStderr(), &stats)
	return writeGroups(cmd.OutOrStdout(), grouping.Names(), largest(groups, top), &stats, format)
}

// writeGroups prints counts; names are the fields that they are by.
func writeGroups(w io.Writer, names []string, groups []audit.Group, stats *audit.Stats, format string) error {
	switch format {
	case "json":
		objects := make([]map[string]any, len(groups))
		for i := range groups {
			objects[i] = groupObject(names, &groups[i])
		}
		return writeJSON(w, map[string]any{
			"groups": objects, "records": stats.Records, "unreadable": stats.Unreadable, "missing": stats.Missing,
		})
	case "ndjson":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for i := range groups {
			if err := enc.Encode(groupObject(names, &groups[i])); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		c := spreadsheet.NewWriter(w)
		c.Write(append([]string{"requests"}, append(names, "bytes_out", "bytes_in", "first", "last")...))
		for i := range groups {
			c.Write(groupRow(&groups[i], audit.Printable))
		}
		return c.Flush()
	}
	rows := [][]string{append([]string{"REQUESTS"}, append(upper(names), "OUT", "IN", "FIRST", "LAST")...)}
	for i := range groups {
		rows = append(rows, groupRow(&groups[i], tableCell))
	}
	return writeTable(w, rows, "FIRST", "IN", "OUT", "LAST")
}

// groupRow is a count as a row; cell makes values fit for it.
func groupRow(g *audit.Group, cell func(string) string) []string {
	row := []string{strconv.FormatUint(g.Requests, 10)}
	for _, v := range g.Values {
		row = append(row, cell(v))
	}
	return append(row, strconv.FormatUint(g.BytesOut, 10), strconv.FormatUint(g.BytesIn, 10), g.First.UTC().Format(time.RFC3339), g.Last.UTC().Format(time.RFC3339))
}

// groupObject is a count as JSON.
func groupObject(names []string, g *audit.Group) map[string]any {
	object := map[string]any{
		"requests": g.Requests, "bytes_out": g.BytesOut, "bytes_in": g.BytesIn, "first": g.First.UTC(), "last": g.Last.UTC(),
	}
	values := map[string]string{}
	for i, v := range g.Values {
		values[names[i]] = v
	}
	object["by"] = values
	return object
}

func upper(names []string) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strings.ToUpper(n)
	}
	return all
}
