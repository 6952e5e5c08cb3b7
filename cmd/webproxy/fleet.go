package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/hint"
)

// fleetVariable is the environment variable that names the settings of the fleet commands.
const fleetVariable = "WEBPROXY_FLEET"

func newFleet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Query the logs of many sites, and publish a policy to them",
		Long: `The commands below query the VictoriaLogs that the sites ship their audit logs to. Their settings are in the file of --fleet, else
of the environment variable WEBPROXY_FLEET, else fleet.yaml in the working directory; docs/fleet.md describes them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFleetQuery(), newFleetStatus(), newFleetWhy(), newFleetReplay(), newFleetLearn(), newFleetRollout(), newFleetVerify())
	return cmd
}

// fleetFlags say which sites are queried, and where.
type fleetFlags struct {
	file  *string
	sites *[]string
}

// fleetFlag adds --fleet.
func fleetFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("fleet", "", "settings `FILE`; without it $WEBPROXY_FLEET, or fleet.yaml here")
}

func addFleetFlags(cmd *cobra.Command) fleetFlags {
	return fleetFlags{
		file:  fleetFlag(cmd),
		sites: cmd.Flags().StringSlice("site", nil, "only these `SITES`: names, or patterns such as oslo-*"),
	}
}

// path is the file of the settings.
func (f fleetFlags) path() string { return cmp.Or(*f.file, os.Getenv(fleetVariable), fleet.FileName) }

// config reads the settings.
func (f fleetFlags) config() (*fleet.Config, error) {
	cfg, err := fleet.Load(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.With(fmt.Errorf("no settings of the fleet: %w", err), "docs/fleet.md shows a "+fleet.FileName+"; --fleet names another file")
	}
	return cfg, err
}

// client connects to VictoriaLogs.
func (f fleetFlags) client() (*fleet.Config, *fleet.Client, error) {
	cfg, err := f.config()
	if err != nil {
		return nil, nil, err
	}
	c, err := fleet.NewClient(cfg)
	return cfg, c, err
}

// search returns the search that the flags describe.
func (f fleetFlags) search(win window, q *audit.Query) (fleet.Search, error) {
	s := fleet.Search{Where: q, Sites: *f.sites}
	var err error
	s.Since, s.Until, err = win.times(time.Now())
	return s, err
}

// sayFleetStats says on stderr what is wrong with the records of a result.
func sayFleetStats(w io.Writer, stats *fleet.Stats) {
	for _, text := range stats.Warnings() {
		sayWarning(w, audit.Printable(text))
	}
}

// sayDeliveries says on stderr which sites may have records that are not delivered yet, and returns what each has delivered. That this
// cannot be found out is a warning too: the result is there.
func sayDeliveries(ctx context.Context, w io.Writer, c *fleet.Client, s fleet.Search) []*fleet.Delivery {
	all, err := c.Deliveries(ctx, s, time.Now())
	texts := fleet.DeliveryWarnings(all)
	if err != nil {
		texts = append(texts, "what sites have not delivered yet is not known: "+err.Error())
	}
	for _, text := range texts {
		sayWarning(w, audit.Printable(text))
	}
	return all
}

// A deliveryAnswer is a Delivery in JSON.
type deliveryAnswer struct {
	*fleet.Delivery
	Silent int64 `json:"silent_seconds"`
}

func deliveryAnswers(all []*fleet.Delivery) []deliveryAnswer {
	if all == nil {
		return nil // not known
	}
	answers := make([]deliveryAnswer, len(all))
	for i, d := range all {
		answers[i] = deliveryAnswer{d, int64(d.Silent / time.Second)}
	}
	return answers
}
