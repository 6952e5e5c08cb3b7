package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/review"
)

func newFleetWhy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID --site SITE",
		Short: "Say why a site decided a request as it did",
		Long: `Why finds a decision among the records of a site, by the id that the client was told, and explains it as webproxy why does at
the site. With --config, the site's configuration or another one, it says what that policy would decide now, and what would
let the request through. Exit code 4 means that the request was denied, or that the policy of --config would deny it.`,
		Example: "  webproxy fleet why 7Q3F9K --site oslo-3",
		Args:    cobra.ExactArgs(1),
	}
	flags := addFleetFlags(cmd)
	file := cmd.Flags().StringP("config", "c", "", "configuration `FILE` under which the request is evaluated again")
	since := cmd.Flags().String("since", "90d", "look back no further than this `TIME`")
	within := cmd.Flags().String("replay", "14d", "with --config: how far back to look for what a fix would have let through; off for not at all")
	cmd.MarkFlagRequired("site")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		now := time.Now()
		if len(*flags.sites) != 1 || strings.ContainsAny((*flags.sites)[0], `*?[\`) {
			return usageError{errors.New("--site: want the name of one site; an id is unique at its site only")}
		}
		from, err := parseWhen("since", *since, now)
		if err != nil {
			return err
		}
		why := review.Why{Unknown: "no configuration of the site is at hand; -c names one", Flag: *file}
		if err := why.Back.UnmarshalText([]byte(*within)); err != nil {
			return usageError{fmt.Errorf("--replay: %w", err)}
		}
		q, err := review.ByID(args[0])
		if err != nil {
			return usageError{err}
		}
		if *file != "" {
			if why.Config, err = loadConfig(*file); err != nil {
				return err
			}
		}
		_, client, err := flags.client()
		if err != nil {
			return err
		}
		dir, err := os.MkdirTemp("", "webproxy-why-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		why.Dir = dir
		err = findAtSite(cmd, client, (*flags.sites)[0], q, &why, from, now)
		if errors.Is(err, review.ErrNotFound) || errors.Is(err, audit.ErrNoLog) {
			return hint.With(fmt.Errorf("site %s has delivered no decision with the id %s, from %s on", (*flags.sites)[0], audit.Printable(strings.ToUpper(args[0])), *since),
				"is it the id of that site? See --site and --since; webproxy fleet status says how far the site has delivered")
		}
		if err != nil {
			return err
		}
		permitted, err := writeWhy(cmd.OutOrStdout(), &why, asJSON)
		if err == nil && !permitted {
			return noError{}
		}
		return err
	})
	toFile(cmd)
	return cmd
}

// findAtSite copies the records for an explanation to why.Dir, and finds the decision that q matches in them.
func findAtSite(cmd *cobra.Command, c *fleet.Client, site string, q *audit.Query, why *review.Why, from, now time.Time) error {
	stats, err := copyForWhy(cmd, c, site, q, why, from, now)
	if err != nil {
		return err
	}
	sayFleetStats(cmd.ErrOrStderr(), &stats)
	why.Found, _, err = review.Find(why.Dir, q, from, nil)
	return err
}

// copyForWhy copies to why.Dir the records for an explanation: the request, and with a configuration the denials of the time of
// --replay.
func copyForWhy(cmd *cobra.Command, c *fleet.Client, site string, q *audit.Query, why *review.Why, from, now time.Time) (fleet.Stats, error) {
	where := q
	if why.Config != nil && why.Back != setting.Off {
		back := now.Add(-time.Duration(why.Back))
		text := fmt.Sprintf("(%s) or ts >= %s decision in (deny, would_deny)", q, back.UTC().Format("2006-01-02T15:04:05Z"))
		var err error
		if where, err = audit.ParseQuery(text); err != nil {
			return fleet.Stats{}, err
		}
		if back.Before(from) {
			from = back
		}
	}
	return c.CopyLog(cmd.Context(), fleet.Search{Where: where, Sites: []string{site}, Since: from}, why.Dir)
}
