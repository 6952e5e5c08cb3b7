package main

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
)

func newAuditTail() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail [EXPR]",
		Short: "Print the last records of the audit log, and follow it",
		Long: `Tail prints the last records that an expression matches (see audit query) and, with -f, those that are written
from then on, through rotation and restarts of the proxy, until it is interrupted.`,
		Example: "  webproxy audit tail -f decision=deny\n  webproxy audit tail -n 100 host=*.azure.com -o ndjson",
	}
	log := auditLogFlags(cmd)
	follow := cmd.Flags().BoolP("follow", "f", false, "go on with new records as they are written")
	n := cmd.Flags().IntP("lines", "n", 10, "begin with the last `N` records")
	output := cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table, json or ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := wantOutput(*output, "table", "json", "ndjson"); err != nil {
			return err
		}
		if *follow && *output == "json" {
			return usageError{fmt.Errorf("-f -o json: an array that never ends; want -o ndjson")}
		}
		if *n < 0 || *n > maxTail {
			return usageError{fmt.Errorf("--lines %d: want 0 to %d; audit query prints more", *n, maxTail)}
		}
		dir, o, err := log.scan(cmd, args, window{})
		if err != nil {
			return err
		}
		return tail(cmd, dir, *n, o.Where, *output, *follow)
	}
	return cmd
}

// maxTail bounds --lines: so many records are kept in memory.
const maxTail = 100_000

// tail prints the last n records that q matches and, if follow is set, those that come.
func tail(cmd *cobra.Command, dir string, n int, q *audit.Query, format string, follow bool) error {
	p, err := newRecordPrinter(cmd.OutOrStdout(), format, tableWidth(cmd.OutOrStdout()))
	if err != nil {
		return err
	}
	// Records written between the two readings must be neither missed nor printed twice.
	stats, err := audit.Tail(dir, max(n, 1), q, func(r *audit.Record, line string) error {
		if n == 0 {
			return nil
		}
		return p.print(r, line)
	})
	if err != nil {
		return err
	}
	if err := p.close(); err != nil { // with -f, these formats have no end that could come too early
		return err
	}
	sayIncomplete(cmd.ErrOrStderr(), &stats)
	if !follow {
		return nil
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	return audit.Follow(ctx, dir, stats.LastSeq, func(r *audit.Record, line string) error {
		if !q.Match(r) {
			return nil
		}
		if err := p.print(r, line); err != nil {
			return err
		}
		return p.flush() // somebody is watching
	}, func(b audit.BadLine) {
		sayWarning(cmd.ErrOrStderr(), audit.Printable(fmt.Sprintf("%s: a line that is not a record: %s", time.Now().Format(time.TimeOnly), b.Error())))
	})
}
