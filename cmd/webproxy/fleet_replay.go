package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit/replay"
	"webproxy/bundle"
	"webproxy/fleet"
	"webproxy/internal/wording"
)

func newFleetReplay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay BUNDLE",
		Short: "Say what a bundle would change at which sites, before anybody has it",
		Long: `Replay has the recorded requests of all sites evaluated by the policy of a bundle, as webproxy audit replay does at one site:
a request that was permitted and would be refused is newly denied, the reverse newly allowed. The client groups of a site and their
modes are taken from its records; its own deny rules, region and names are not known here. Signatures are not
verified. With --fail-on, exit code 4 means that there is something of that kind.`,
		Example: "  webproxy fleet replay stable-1043.bundle --since 30d --fail-on newly-denied",
		Args:    cobra.ExactArgs(1),
	}
	flags, win := addFleetFlags(cmd), windowFlags(cmd)
	f := replayFlags{}
	cmd.Flags().StringVar(&f.failOn, "fail-on", "", "`WHAT` makes the answer no: newly-denied, newly-allowed, or both by comma")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		if err := f.checkFailOn(); err != nil {
			return err
		}
		b, err := bundle.ReadFile(args[0])
		if err != nil {
			return err
		}
		search, err := flags.search(win, nil)
		if err != nil {
			return err
		}
		_, client, err := flags.client()
		if err != nil {
			return err
		}
		sites, stats, err := client.Replay(cmd.Context(), b, search)
		if err != nil {
			return err
		}
		sayFleetStats(cmd.ErrOrStderr(), &stats)
		sayDeliveries(cmd.Context(), cmd.ErrOrStderr(), client, search)
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), newFleetReplayAnswer(b.String(), sites))
		} else {
			err = fleetReplayText(cmd.OutOrStdout(), sites)
		}
		if err == nil && slices.ContainsFunc(sites, func(s fleet.SiteReplay) bool { return f.fails(s.Replay) }) {
			return noError{}
		}
		return err
	})
	toFile(cmd)
	return cmd
}

// A siteReplayAnswer is the result for one site.
type siteReplayAnswer struct {
	Site string `json:"site"`
	replayAnswer
}

func newFleetReplayAnswer(name string, sites []fleet.SiteReplay) map[string]any {
	all := make([]siteReplayAnswer, len(sites))
	for i, s := range sites {
		all[i] = siteReplayAnswer{s.Site, newReplayAnswer(s.Replay, s.Policy())}
	}
	return map[string]any{"bundle": name, "sites": all}
}

// fleetReplayText prints a row for each site where something would change, and the endpoints of all sites.
func fleetReplayText(w io.Writer, sites []fleet.SiteReplay) error {
	var sum replay.Replay
	rows := [][]string{{"SITE", "REQUESTS", "SAME", "NEWLY DENIED", "NEWLY ALLOWED", "NOT EVALUATED"}}
	for _, s := range sites {
		skipped := uint64(0)
		for _, n := range s.Skipped {
			skipped += n
		}
		sum.Requests, sum.Same, sum.NewlyDenied, sum.NewlyAllowed = sum.Requests+s.Requests, sum.Same+s.Same, sum.NewlyDenied+s.NewlyDenied, sum.NewlyAllowed+s.NewlyAllowed
		if s.NewlyDenied+s.NewlyAllowed > 0 {
			rows = append(rows, []string{tableCell(s.Site), wording.Comma(s.Requests), wording.Comma(s.Same), wording.Comma(s.NewlyDenied), wording.Comma(s.NewlyAllowed), wording.Comma(skipped)})
		}
	}
	fmt.Fprintf(w, "%s of %s: same %s  newly denied %s  newly allowed %s\n", wording.Amount(sum.Requests, "request"), wording.Plural(len(sites), "site"),
		wording.Comma(sum.Same), wording.Comma(sum.NewlyDenied), wording.Comma(sum.NewlyAllowed))
	if len(rows) > 1 {
		if err := writeTable(w, rows); err != nil {
			return err
		}
	}
	endpoints := changedEndpoints(sites)
	for _, denied := range []bool{true, false} {
		if err := endpointTable(w, endpoints, denied); err != nil {
			return err
		}
	}
	return nil
}

// A changedEndpoint is an endpoint whose decision would change at some sites.
type changedEndpoint struct {
	target   string
	denied   bool // newly; else newly allowed
	requests uint64
	was, is  replay.Ruling // at the first of the sites
	sites    map[string]bool
	last     time.Time
}

// changedEndpoints returns what would change, that of most sites first.
func changedEndpoints(sites []fleet.SiteReplay) []*changedEndpoint {
	type key struct {
		target string
		denied bool
	}
	found := map[key]*changedEndpoint{}
	var all []*changedEndpoint
	for _, s := range sites {
		for _, c := range s.Finish() {
			k := key{fmt.Sprintf("%s://%s:%d", c.Scheme, c.Host, c.Port), c.Denied()}
			e := found[k]
			if e == nil {
				e = &changedEndpoint{target: k.target, denied: k.denied, was: c.Was, is: c.Is, sites: map[string]bool{}}
				found[k] = e
				all = append(all, e)
			}
			e.requests += c.Requests
			e.sites[s.Site] = true
			if c.Last.After(e.last) {
				e.last = c.Last
			}
		}
	}
	slices.SortFunc(all, func(a, b *changedEndpoint) int {
		return cmp.Or(cmp.Compare(len(b.sites), len(a.sites)), cmp.Compare(b.requests, a.requests), cmp.Compare(a.target, b.target))
	})
	return all
}

// endpointTable lists the endpoints that would be denied, or those that would be allowed.
func endpointTable(w io.Writer, endpoints []*changedEndpoint, denied bool) error {
	rows := [][]string{{changeTitle(denied), "REQUESTS", "SITES", "LAST (UTC)", "WAS", "IS"}}
	more := 0
	for _, e := range endpoints {
		switch {
		case e.denied != denied:
		case len(rows) > replayRows:
			more++
		default:
			rows = append(rows, []string{tableCell(e.target), wording.Comma(e.requests), someNames(e.sites), e.last.UTC().Format("2006-01-02 15:04"), tableCell(rulingText(e.was)), tableCell(rulingText(e.is))})
		}
	}
	if len(rows) == 1 {
		return nil
	}
	if err := writeTable(w, rows, "LAST (UTC)"); err != nil {
		return err
	}
	sayMore(w, more)
	return nil
}
