package main

import (
	"github.com/spf13/cobra"

	"webproxy/audit"
)

func newAuditSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a record",
		Long: `Schema prints the JSON Schema (2020-12) of a line of the audit log, for programs that read it: every field with
its type and meaning, and which records always have it. docs/audit.md describes the same for people.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		_, err := cmd.OutOrStdout().Write(audit.Schema())
		return err
	}
	toFile(cmd)
	return cmd
}
