package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/audit/export"
	"webproxy/internal/wording"
)

func newAuditExport() *cobra.Command {
	formats := strings.Join(export.Formats(), ", ")
	cmd := &cobra.Command{
		Use:   "export --as FORMAT [EXPR]",
		Short: "Write records in other programs' formats",
		Long: `Export writes the records that an expression matches (see audit query; without one, all) in the format of
another program: ocsf (OCSF 1.3, class 4002), ecs (Elastic Common Schema), asim (Microsoft Sentinel, WebSession), squid
(access.log, native), w3c (extended log file), csv and ndjson. The first three are one JSON object a line. squid and
w3c have one line a request, written when it ended. In the others a permitted request has two events, its
decision and its end; with --per-request it has one, and open requests come last. docs/reading.md has a table of the
fields.`,
		Example: `  webproxy audit export --as ocsf --since 24h
  webproxy audit export --as ocsf --since 24h --per-request
  webproxy audit export --as squid --since 30d --out access.log
  goaccess access.log --log-format='%x.%^ %~%L %h %^/%s %b %m %U' --datetime-format=%s --no-strict-status -o report.html`,
	}
	log, win := auditLogFlags(cmd), windowFlags(cmd)
	as := cmd.Flags().String("as", "", "`FORMAT`: "+formats)
	joined := cmd.Flags().Bool("per-request", false, "write one event for each request, not one when it is decided and one when it ends")
	if err := cmd.MarkFlagRequired("as"); err != nil {
		panic(err)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := wantOutput(*as, export.Formats()...); err != nil {
			return err
		}
		dir, o, err := log.scan(cmd, args, win)
		if err != nil {
			return err
		}
		stop := func() {}
		if !isTerminal(cmd.OutOrStdout()) { // there, the records are progress enough
			stop = showProgress(cmd.ErrOrStderr(), "exporting", o.Progress)
		}
		left, stats, err := export.Write(cmd.OutOrStdout(), *as, dir, o, *joined)
		stop()
		if err != nil {
			return err
		}
		sayIncomplete(cmd.ErrOrStderr(), &stats)
		if left > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "webproxy: %s about the proxy itself, which %s has no place for\n", wording.Plural(int(left), "record"), *as)
		}
		return nil
	}
	toFile(cmd)
	return cmd
}
