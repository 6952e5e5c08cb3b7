package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/learn"
)

func newLearnNarrow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "narrow",
		Short: "Say which wildcards could be narrower, and which rules nobody used",
		Long: `Narrow compares the rules in force with what the log has of them: for each wildcard that was used, the entries that
would have sufficed, and the rules that nothing was asked for by. It changes nothing. What was not asked for in the
window may still be needed: the window is printed, and a rule is called stale only after 90 days without a hit.`,
		Args: cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := isJSON(*output)
		if err != nil {
			return err
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		uses := l.seen.Uses(l.cfg.Set)
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), narrowAnswers(l, uses))
		}
		return narrowTable(cmd, l, uses)
	}
	return cmd
}

// A narrowAnswer is what learn narrow prints of one rule as JSON.
type narrowAnswer struct {
	Rule    string    `json:"rule"`
	Source  string    `json:"rule_src"`
	Host    string    `json:"host"`
	Hits    uint64    `json:"hits"`
	Clients int       `json:"clients"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Stale   bool      `json:"stale"`
	Seen    []string  `json:"seen,omitempty"`
	Enough  []string  `json:"enough,omitempty"`
}

func narrowAnswers(l *lesson, uses []learn.Use) []narrowAnswer {
	all := make([]narrowAnswer, 0, len(uses))
	for _, u := range uses {
		all = append(all, narrowAnswer{u.Rule.Rule, u.Rule.Source, u.Rule.Host.String(), u.Hits, u.Clients, u.First, u.Last,
			u.Stale(l.seen.First, l.seen.Last), u.Seen, u.Enough})
	}
	return all
}

func narrowTable(cmd *cobra.Command, l *lesson, uses []learn.Use) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "window %s to %s, %s\n", l.seen.First.UTC().Format(time.DateOnly), l.seen.Last.UTC().Format(time.DateOnly),
		days(l.seen.Last.Sub(l.seen.First)))
	rows := [][]string{{"WILDCARD", "RULE", "HITS", "LAST", "ENOUGH"}}
	for _, u := range uses {
		if len(u.Enough) > 0 {
			rows = append(rows, []string{u.Rule.Host.String(), u.Rule.Rule, thousands(u.Hits), u.Last.UTC().Format(time.DateOnly), strings.Join(u.Enough, " ")})
		}
	}
	if len(rows) > 1 {
		if err := writeTable(w, rows); err != nil {
			return err
		}
	}
	unused := [][]string{{"UNUSED", "RULE", "WHERE", "STALE"}}
	for _, u := range uses {
		if u.Hits == 0 {
			word := "window too short"
			if l.seen.Last.Sub(l.seen.First) >= 90*24*time.Hour {
				word = "yes"
			}
			unused = append(unused, []string{u.Rule.Host.String(), u.Rule.Rule, u.Rule.Source, word})
		}
	}
	if len(unused) > 1 {
		return writeTable(w, unused)
	}
	return nil
}
