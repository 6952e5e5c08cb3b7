package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/wording"
	"webproxy/learn"
)

func newLearnNarrow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "narrow",
		Short: "Say which wildcards could be narrower, and which rules nobody used",
		Long: `Narrow compares the rules in force with what the log has of them: for each wildcard that was used, the entries that
would have sufficed, and the entries that nobody used, that have expired or are about to. It changes nothing. An entry without requests in
the period may still be needed: the period is printed, and an entry is called stale only after 90 days
without a hit.`,
		Args: cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		uses := l.Seen.Uses(l.Config.Set)
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), l.narrowAnswers(uses))
		}
		return l.narrowTable(cmd.OutOrStdout(), uses)
	})
	return cmd
}

// A narrowAnswer is what learn narrow prints of one rule as JSON.
type narrowAnswer struct {
	Rule    string         `json:"rule"`
	Source  string         `json:"rule_src"`
	Host    string         `json:"host"`
	Hits    uint64         `json:"hits"`
	Clients int            `json:"clients"`
	First   time.Time      `json:"first,omitzero"`
	Last    time.Time      `json:"last,omitzero"`
	State   learn.UseState `json:"state"`
	Expires time.Time      `json:"expires,omitzero"`
	Wanted  uint64         `json:"wanted,omitempty"` // requests since it expired
	Seen    []string       `json:"seen,omitempty"`
	Enough  []string       `json:"enough,omitempty"`
}

func (l *learnInput) narrowAnswers(uses []learn.Use) []narrowAnswer {
	all := make([]narrowAnswer, 0, len(uses))
	for _, u := range uses {
		all = append(all, narrowAnswer{u.Rule.Rule, u.Rule.Source, u.Rule.Host.String(), u.Hits, u.Clients, u.First, u.Last,
			l.state(&u), u.Rule.Expires, u.Wanted, u.Seen, u.Enough})
	}
	return all
}

func (l *learnInput) state(u *learn.Use) learn.UseState {
	return u.State(l.Seen.First, l.Seen.Last, l.Now)
}

func (l *learnInput) narrowTable(w io.Writer, uses []learn.Use) error {
	if l.Seen.First.IsZero() {
		_, err := fmt.Fprintln(w, "no request was seen: nothing can be said")
		return err
	}
	fmt.Fprintf(w, "window %s to %s, %s\n", l.Seen.First.UTC().Format(time.DateOnly), l.Seen.Last.UTC().Format(time.DateOnly),
		days(l.Seen.Last.Sub(l.Seen.First)))
	wide := [][]string{{"WILDCARD", "RULE", "HITS", "LAST (UTC)", "ENOUGH"}}
	other := [][]string{{"NOT IN USE", "RULE", "WHERE", "HITS", "LAST (UTC)", "STATE"}}
	for _, u := range uses {
		last := "-"
		if !u.Last.IsZero() {
			last = u.Last.UTC().Format(time.DateOnly)
		}
		if len(u.Enough) > 0 {
			wide = append(wide, []string{u.Rule.Host.String(), u.Rule.Rule, wording.Comma(u.Hits), last, strings.Join(u.Enough, " ")})
		}
		if state := l.state(&u); state != learn.InUse {
			other = append(other, []string{u.Rule.Host.String(), u.Rule.Rule, u.Rule.Source, wording.Comma(u.Hits), last, stateText(state, &u)})
		}
	}
	for _, rows := range [][][]string{wide, other} {
		if len(rows) == 1 {
			continue
		}
		if err := writeTable(w, rows, "LAST (UTC)", "HITS", "WHERE"); err != nil {
			return err
		}
	}
	return nil
}

// stateText is "stale", or "expired 2026-01-01, 12 requests since".
func stateText(state learn.UseState, u *learn.Use) string {
	switch state {
	case learn.Unused:
		return "unused; the log is too short to call it stale"
	case learn.Expired, learn.Expiring:
		text := fmt.Sprintf("%s %s", state, u.Rule.Expires.Add(-1).UTC().Format(time.DateOnly)) // the last day
		if u.Wanted > 0 {
			text += ", " + wording.Amount(u.Wanted, "request") + " since"
		}
		return text
	}
	return string(state)
}
