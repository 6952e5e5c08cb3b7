package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/fleet"
)

// newFleetVerify is `webproxy fleet verify`.
func newFleetVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify that the central copy of a site's log is complete and unaltered",
		Long: `Verify reads the records of one site in VictoriaLogs, in the order of their numbers, and compares them with the checkpoints that
the site signed: whether it is complete and unaltered, or which numbers are not. A record that is there twice, byte for byte, was
delivered again. --pub is the site's audit.pub, which must come from the site by another way than through VictoriaLogs. Of records
that were altered only the checkpoints between which they stand can be told; webproxy audit verify at the site tells more. With --since it begins after the last
checkpoint before that time. Records after the last checkpoint, about a minute's, are only noted. The lines that begin
with "by:" say what the result is based on, and what it cannot prove.
Exit code 5 means that the copy is not what the site wrote.`,
		Example: "  webproxy fleet verify --site oslo-3 --pub keys/oslo-3.pub --since 1d",
		Args:    cobra.NoArgs,
	}
	file := fleetFlag(cmd)
	site := cmd.Flags().String("site", "", "the `SITE`, by its audit.site")
	since := cmd.Flags().String("since", "", "begin after the last checkpoint before `TIME`, as 1d or 2026-11-24; without it, all that is there")
	pubs := cmd.Flags().StringArray("pub", nil, "public key `FILE` of the site's log; again for each key it has had")
	anchor := cmd.Flags().String("anchor", "", "`FILE` that the site's checkpoints were also sent to")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		if *site == "" || len(*pubs) == 0 {
			return usageError{errors.New("want --site and --pub: which site's copy, and the key by which it is verified")}
		}
		o := fleet.VerifyOptions{Site: *site, Anchor: *anchor}
		var err error
		if o.Since, err = parseWhen("since", *since, time.Now()); err != nil {
			return err
		}
		if o.Keys, err = readPublicKeys(*pubs); err != nil {
			return err
		}
		_, client, err := fleetFlags{file: file}.client()
		if err != nil {
			return err
		}
		v, err := client.Verify(cmd.Context(), o)
		if err != nil {
			return err
		}
		v.Basis = slices.Insert(v.Basis, 0, "public key: "+strings.Join(*pubs, ", ")+", as given")
		return answerVerification(cmd, v, asJSON)
	})
	return cmd
}
