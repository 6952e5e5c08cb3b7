package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

func newAuditTop() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [EXPR]",
		Short: "Count the recent refused requests by host and reason, the most frequent first",
		Long: `Top counts the requests of the log that an expression matches (without one, the refused requests), and prints the largest
counts. It is an abbreviation of audit query EXPR --by FIELDS --top N --since TIME.`,
		Example: "  webproxy audit top\n  webproxy audit top decision=allow --by client --since 7d",
	}
	log := auditLogFlags(cmd)
	since := cmd.Flags().String("since", "24h", "from this `TIME` on: 30d, 5m, 2026-10-01")
	by := cmd.Flags().StringSlice("by", []string{"host", "port", "reason"}, "count by these `FIELDS`")
	n := cmd.Flags().IntP("top", "n", 10, "the `N` largest counts")
	output := cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table, json, csv or ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := wantOutput(*output, "table", "json", "csv", "ndjson"); err != nil {
			return err
		}
		if *n <= 0 || len(*by) == 0 {
			return usageError{fmt.Errorf("--top %d --by %s: want a positive number, and fields", *n, strings.Join(*by, ","))}
		}
		if len(args) == 0 {
			args = []string{"decision in (deny, would_deny)"}
		}
		dir, o, err := log.scan(cmd, args, window{since: since, until: new(string)})
		if err != nil {
			return err
		}
		stop := sync.OnceFunc(showProgress(cmd.ErrOrStderr(), "reading", o.Progress))
		defer stop()
		return countBy(cmd, dir, o, *by, *n, *output, stop)
	}
	return cmd
}
