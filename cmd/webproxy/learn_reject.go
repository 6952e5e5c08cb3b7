package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/review"
)

func newLearnReject() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject",
		Short: "Reject all proposals of a client, a day or a domain at once",
		Long: `Reject rejects all proposals that match: --client is the only client that asks for them, --day the only day on
which they were asked for, --domain the domain of all their names. A proposal must match all that are given. For a
domain, future names are rejected too. Proposals for bulk approval are left alone. --dry-run changes nothing.`,
		Example: "  webproxy learn reject --client 10.0.1.13 --day 2026-11-18 --reason browsing\n  webproxy learn reject --domain example.net --reason 'not ours'",
		Args:    cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	to := addWriteFlags(cmd)
	var scope learn.Scope
	cmd.Flags().StringVar(&scope.Client, "client", "", "`ADDRESS` of the only client that asks for them")
	cmd.Flags().StringVar(&scope.Day, "day", "", "`DATE` of the only day on which they were asked for, UTC: 2026-11-30")
	cmd.Flags().StringVar(&scope.Domain, "domain", "", "`DOMAIN` that their names are in")
	reason := cmd.Flags().String("reason", "", "why, for the record")
	dry := cmd.Flags().Bool("dry-run", false, "say what would be rejected, and change nothing")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		if scope == (learn.Scope{}) {
			return usageError{fmt.Errorf("want --client, --day or --domain")}
		}
		if _, err := time.Parse(time.DateOnly, scope.Day); scope.Day != "" && err != nil {
			return usageError{fmt.Errorf("--day %q: want a date such as 2026-11-30", scope.Day)}
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		list, _ := l.Proposals()
		var items []learn.Item
		for _, p := range list {
			if p.Bulk() || !scope.Chooses(p) {
				continue
			}
			item := p.Item()
			item.Answer, item.Reason = learn.Reject, *reason
			items = append(items, item)
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", p.Group, p.Entry, p.Evidence)
			}
		}
		answer := rejectAnswer{Proposals: append([]learn.Item{}, items...)}
		if *dry || len(items) == 0 && scope.Domain == "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s fit\n", wording.Plural(len(items), "proposal"))
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), answer)
			}
			return nil
		}
		var domains []review.RejectedDomain
		if scope.Domain != "" && scope.Client == "" && scope.Day == "" {
			for _, g := range l.Groups {
				domains = append(domains, review.RejectedDomain{Group: g.Name, Domain: scope.Domain, Reason: *reason})
			}
			items = nil // the domain stands for them
		}
		answer.Done, err = to.apply(cmd, l.Config, items, domains...)
		if err == nil && asJSON {
			err = writeJSON(cmd.OutOrStdout(), answer)
		}
		return err
	})
	return cmd
}

// A rejectAnswer is what learn reject prints as JSON.
type rejectAnswer struct {
	Proposals []learn.Item `json:"proposals"` // that match
	Done      *applyAnswer `json:"done"`      // null if nothing was written
}
