package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"webproxy/internal/daemon"
)

func newDashboard() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Log in to the dashboard of the running proxy, and manage its users",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDashboardOpen(), newDashboardUser())
	return cmd
}

func newDashboardOpen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Print a link that logs you in to the dashboard, once",
		Long: `Open asks the running proxy for a link to its dashboard and prints it. Whoever opens it within two minutes may change
what the dashboard can change, and is recorded as the user who ran this command. On the machine itself reading needs no login.`,
		Args: cobra.NoArgs,
	}
	at := addAdminFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		c, err := at.client()
		if err != nil {
			return err
		}
		link := new(daemon.DashboardLink)
		if err := ask(cmd.Context(), c, http.MethodPost, daemon.DashboardPath, nil, link); err != nil {
			return err
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), link)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), link.URL)
		return err
	})
	return cmd
}
