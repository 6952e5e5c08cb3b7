package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/audit/report"
	"webproxy/review"
)

func newAuditReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report on a month of the audit log, for reviewers",
		Long: `Report says what was allowed and denied in a period, which hosts are new, what changed in the policy and who
changed it, which rules are unused or expire, and whether the log is complete. It prints a summary; --html writes the whole report
as one page that needs no script and no other file, --csv its lists for a spreadsheet; -o json prints the whole as data. Without a period it is about the
last 30 days. It writes summaries beside compressed files, so that the next report is quick.

With --html or --csv the log is verified first, unless --verify=false; without, only if --verify is given.
Exit code 5 means that the log is not what was written.`,
		Example: "  webproxy audit report --month 2026-10 --html oct.html --csv oct/",
		Args:    cobra.NoArgs,
	}
	log := auditLogFlags(cmd)
	win := windowFlags(cmd)
	month := cmd.Flags().String("month", "", "the `MONTH`, such as 2026-10, in UTC")
	html := cmd.Flags().String("html", "", "write the report as a page to `FILE`")
	csvDir := cmd.Flags().String("csv", "", "write its lists as CSV files into `DIR`")
	verify := cmd.Flags().Bool("verify", false, "verify the log too")
	pubs := cmd.Flags().StringArray("pub", nil, "for --verify: public key `FILE` of the log")
	anchor := cmd.Flags().String("anchor", "", "for --verify: `FILE` that checkpoints were sent to. Default: the configuration's")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		since, until, err := reportPeriod(win, *month, time.Now())
		if err != nil {
			return err
		}
		found, err := log.findWithConfig(cmd.Context(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		job := reportJob{settings: found.Options, html: *html, csv: *csvDir, pubs: *pubs, asJSON: asJSON}
		job.head = audit.HeadFile(job.settings.Key)
		if *log.dir != "" { // the tree head is of the configuration's log
			job.head = ""
		}
		if *anchor != "" {
			job.settings.Anchor = *anchor
		}
		job.verify = *verify || !cmd.Flags().Changed("verify") && *html+*csvDir != ""
		job.options = report.Options{Since: since, Until: until, Progress: new(audit.Progress), Site: job.settings.Site}
		if cfg := found.cfg; cfg != nil {
			job.options.Rules, job.options.Findings = cfg.Set.Rules(), review.Remarks(cfg, time.Now())
		} else {
			job.options.Findings = []report.Finding{{
				Rule: "all", Source: "configuration", Text: "it is not valid, so nothing is said of rules that are unused, expire or admit too much",
			}}
		}
		return job.run(cmd)
	})
	toFile(cmd)
	return cmd
}

// reportPeriod returns the period of the flags.
func reportPeriod(win window, month string, now time.Time) (since, until time.Time, err error) {
	if month == "" {
		if since, until, err = win.times(now); err == nil && since.IsZero() {
			since = now.AddDate(0, 0, -30)
		}
		return since, until, err
	}
	if *win.since+*win.until != "" {
		return since, until, usageError{fmt.Errorf("--month goes without --since and --until")}
	}
	if since, err = time.Parse("2006-01", month); err != nil {
		return since, until, usageError{fmt.Errorf("--month %q: want a month such as 2026-10", month)}
	}
	return since, since.AddDate(0, 1, 0), nil
}

// A reportJob is one report to make.
type reportJob struct {
	settings  audit.Options
	options   report.Options
	verify    bool
	pubs      []string
	head      string // file of the tree head; empty for none
	html, csv string
	asJSON    bool // what is printed
}

func (j *reportJob) run(cmd *cobra.Command) error {
	if j.verify {
		j.check(cmd)
	}
	stop := showProgress(cmd.ErrOrStderr(), "reading", j.options.Progress)
	r, err := report.Make(j.settings.Dir, j.options)
	stop()
	if err != nil {
		return err
	}
	sayIncomplete(cmd.ErrOrStderr(), &r.Stats)
	if err := j.write(r); err != nil {
		return err
	}
	print := func(w io.Writer) error { return r.WriteText(w, tableWidth(w)) }
	if j.asJSON {
		print = r.WriteJSON
	}
	if err := print(cmd.OutOrStdout()); err != nil {
		return err
	}
	if r.Broken {
		return integrityError{}
	}
	return nil
}

// check verifies the log. If it cannot be verified, the report says so.
func (j *reportJob) check(cmd *cobra.Command) {
	v, err := auditVerify(cmd, j.settings, j.pubs, j.head)
	if err != nil {
		j.options.Integrity = ""
		sayWarning(cmd.ErrOrStderr(), "the log could not be verified: "+err.Error())
		return
	}
	j.options.Integrity, j.options.Broken = v.String()+"; "+v.Basis[0], !v.OK()
}

// write writes the files that were asked for.
func (j *reportJob) write(r *report.Report) (err error) {
	if j.csv != "" {
		if err := r.WriteCSV(j.csv); err != nil {
			return err
		}
	}
	if j.html == "" {
		return nil
	}
	f, err := os.OpenFile(j.html, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return r.WriteHTML(f)
}
