package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/internal/setting"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read the audit log: search, count, report, export, verify",
		Long: `The commands below read the audit log's files, rotated and compressed ones included, whether the proxy runs
or not, and write nothing but summaries beside compressed files. They report unreadable data
on standard error. docs/reading.md describes the expressions, and what export writes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditTail(), newAuditQuery(), newAuditTop(), newAuditReport(), newAuditExport(), newAuditVerify(), newAuditProve(), newAuditReplay(), newAuditSchema())
	return cmd
}

// A window is a period of the log, by flags.
type window struct{ since, until *string }

func windowFlags(cmd *cobra.Command) window {
	return window{
		since: cmd.Flags().String("since", "", "from this `TIME` on: 30d, 5m, 2026-10-01 or 2026-10-01T08:00Z"),
		until: cmd.Flags().String("until", "", "before this `TIME`"),
	}
}

// times returns the window's bounds; zero for none, and if the command has no such flags.
func (w window) times(now time.Time) (since, until time.Time, err error) {
	if w == (window{}) {
		return since, until, nil
	}
	if since, err = parseWhen("since", *w.since, now); err != nil {
		return since, until, err
	}
	if until, err = parseWhen("until", *w.until, now); err != nil {
		return since, until, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, usageError{fmt.Errorf("--since %s is not before --until %s", *w.since, *w.until)}
	}
	return since, until, nil
}

// parseWhen reads the time of a flag: how long ago, or when. An empty flag is the zero time.
func parseWhen(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	var age setting.Duration
	if err := age.UnmarshalText([]byte(s)); err == nil && age != setting.Off {
		return now.Add(-time.Duration(age)), nil
	}
	at, err := audit.ParseTime(s)
	if err != nil {
		return at, usageError{fmt.Errorf("--%s %q: want how long ago, such as 30d or 5m, or a time, such as 2026-10-01", flag, s)}
	}
	return at, nil
}

// scan returns the directory of the log, and what args, an expression, and the window choose in it.
func (l auditLog) scan(cmd *cobra.Command, args []string, win window) (dir string, o audit.ScanOptions, err error) {
	o.Progress = new(audit.Progress)
	if o.Where, err = parseExpression(args); err != nil {
		return "", o, err
	}
	if o.Since, o.Until, err = win.times(time.Now()); err != nil {
		return "", o, err
	}
	found, err := l.find(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return "", o, err
	}
	return found.Dir, o, nil
}

// parseExpression reads the arguments of a command as one expression; nil without arguments. Its errors are usage errors.
func parseExpression(args []string) (*audit.Query, error) {
	text := strings.Join(args, " ")
	if text == "" {
		return nil, nil
	}
	q, err := audit.ParseQuery(text)
	var wrong *audit.QueryError
	if errors.As(err, &wrong) {
		err = expressionError{wrong}
	}
	if err != nil {
		return nil, usageError{err}
	}
	return q, nil
}

// An expressionError shows where the mistake in an expression is.
type expressionError struct{ *audit.QueryError }

func (e expressionError) Error() string {
	text := fmt.Sprintf("expression, column %d: %s", e.Column, e.Msg)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	if caret := e.Caret(); caret != "" {
		text += "\n  " + strings.ReplaceAll(caret, "\n", "\n  ")
	}
	return text
}
