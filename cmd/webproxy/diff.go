package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/policy"
)

func newDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what the policies of two configurations differ in",
		Long: `Diff compares what two configuration files decide, not how they are written: the order of rules, comments, and
whether a host stands in the file or in a list make no difference. Each line is an entry, a client network or
a phase with all its conditions; "+" is only in B, "-" only in A. Exit code 4 means that they differ.`,
		Example: "  webproxy diff webproxy.yaml candidate.yaml",
		Args:    cobra.ExactArgs(2),
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asJSON, err := isJSON(*output)
		if err != nil {
			return err
		}
		a, err := config.Load(args[0])
		if err != nil {
			return err
		}
		b, err := config.Load(args[1])
		if err != nil {
			return err
		}
		return diffPolicies(cmd, a.Set, b.Set, asJSON)
	}
	return cmd
}

// A policyDiff is what diff prints as JSON.
type policyDiff struct {
	A       string   `json:"a"`
	B       string   `json:"b"`
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
}

func diffPolicies(cmd *cobra.Command, a, b *policy.Set, asJSON bool) error {
	added, removed := policy.Diff(a, b)
	w := cmd.OutOrStdout()
	if asJSON {
		if err := writeJSON(w, policyDiff{a.Digest(), b.Digest(), append([]string{}, added...), append([]string{}, removed...)}); err != nil {
			return err
		}
	} else {
		for _, l := range removed {
			fmt.Fprintln(w, "- "+l)
		}
		for _, l := range added {
			fmt.Fprintln(w, "+ "+l)
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s -> %s: %d added, %d removed\n", a.Digest(), b.Digest(), len(added), len(removed))
	if len(added)+len(removed) > 0 {
		return noError{}
	}
	return nil
}
