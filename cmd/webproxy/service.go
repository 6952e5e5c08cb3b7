package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/install"
)

func newService() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Install this program as a service of the system, or uninstall it",
		Long: `Service installs the program as a service that starts with the system, with least privilege, in directories that only
administrators and the service may change; see docs/install.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceInstall(), newServiceUninstall(), newServiceStatus())
	return cmd
}

func newServiceInstall() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install and start the service",
		Long: `Install copies the program to its place, makes the service's user, directories and, if there is none, a configuration, and
starts the service: of systemd on Linux, of the service control manager on Windows. It prints each step. Run it again to
upgrade. An existing configuration stays as it is, unless nobody edited it and --cloud, --region,
--release or --clients are given.`,
		Example: "  webproxy service install --region eastus --clients nodes=10.0.1.0/24",
		Args:    cobra.NoArgs,
	}
	var o install.Options
	cmd.Flags().StringVar(&o.Config.Cloud, "cloud", "", "for a new configuration: `CLOUD`, as for init")
	cmd.Flags().StringVar(&o.Config.Region, "region", "", "for a new configuration: Azure `REGION`, as for init")
	cmd.Flags().StringVar(&o.Config.Release, "release", "", "for a new configuration: `RELEASE` of Azure Local, as for init")
	cmd.Flags().StringArrayVar(&o.Config.Clients, "clients", nil, "for a new configuration: client `GROUP`, as for init; may be repeated")
	cmd.Flags().BoolVar(&o.NoStart, "no-start", false, "do not start the service")
	cmd.Flags().StringVar(&o.Root, "root", "", "install below `DIR`, for an image, and start nothing (Linux)")
	runSteps(cmd, &o, install.Install)
	return cmd
}

// runSteps makes cmd carry out the steps that plan returns for o, and adds its flags.
func runSteps(cmd *cobra.Command, o *install.Options, plan func(install.Options) ([]install.Step, error)) {
	dry := cmd.Flags().Bool("dry-run", false, "say what would be done, and do nothing")
	log := cmd.Flags().String("log", "", "append what is printed to `FILE` too, for a caller that does not show it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		run := func(w io.Writer) error {
			steps, err := plan(*o)
			if err != nil {
				return err
			}
			return install.Run(w, steps, *dry)
		}
		if *log == "" {
			return run(cmd.ErrOrStderr())
		}
		f, err := os.OpenFile(*log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		fmt.Fprintf(f, "%s %s, webproxy %s\n", time.Now().UTC().Format(time.RFC3339), cmd.CommandPath(), version)
		if err = run(io.MultiWriter(cmd.ErrOrStderr(), f)); err != nil {
			fmt.Fprintf(f, "error: %v\n", err)
		}
		return errors.Join(err, f.Close())
	}
}

func newServiceUninstall() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Stop and remove the service",
		Long:  `Uninstall undoes install. The audit log and its key are kept, and an edited configuration; --purge removes them too.`,
		Args:  cobra.NoArgs,
	}
	var o install.Options
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "remove the audit log, its key and the configuration too")
	cmd.Flags().StringVar(&o.Root, "root", "", "uninstall what is below `DIR` (Linux)")
	runSteps(cmd, &o, install.Uninstall)
	return cmd
}

func newServiceStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what is installed, and whether the service runs",
		Long:  "Status says what is installed, and whether the service runs. Exit code 4 means that something is missing or does not run.",
		Args:  cobra.NoArgs,
	}
	var o install.Options
	cmd.Flags().StringVar(&o.Root, "root", "", "look below `DIR` (Linux)")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		parts, all := install.Status(o), true
		rows := [][]string{{"PART", "STATE"}}
		for _, p := range parts {
			all = all && p.OK
			rows = append(rows, []string{p.Name, p.State})
		}
		err := writeAnswer(cmd.OutOrStdout(), asJSON, parts, rows)
		if err == nil && !all {
			return noError{}
		}
		return err
	})
	return cmd
}
