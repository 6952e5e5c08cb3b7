package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"webproxy/config"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and its lists, and run its tests",
		Long: `Check reads a configuration as serve does, with all lists it names, and runs its tests. It prints every
problem and every warning with its place. Exit code 3 means that serve would not take it.`,
		Example: "  webproxy check\n  webproxy check site/webproxy.yaml -o json",
		Args:    cobra.MaximumNArgs(1),
	}
	file := configFlag(cmd)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			*file = args[0]
		}
		return check(cmd, *file, *output)
	}
	return cmd
}

// A checkAnswer is what check prints as JSON.
type checkAnswer struct {
	OK       bool            `json:"ok"`
	Config   string          `json:"config"`
	Policy   string          `json:"policy,omitempty"`
	Entries  int             `json:"entries"`
	Problems config.Problems `json:"problems"`
}

func check(cmd *cobra.Command, file, output string) error {
	asJSON, err := isJSON(output)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(file)
	if !asJSON {
		if err != nil {
			return err
		}
		cfg.Warnings.Write(cmd.ErrOrStderr())
		tests := len(cfg.Policy.Tests.Allow) + len(cfg.Policy.Tests.Deny)
		fmt.Fprintf(cmd.OutOrStdout(), "ok: %s: %s from %s in force, %s passed, %s, policy %s\n",
			configName(cfg), plural(cfg.Set.Len(), "entry"), plural(len(cfg.Policy.Rules), "rule"),
			plural(tests, "test"), plural(len(cfg.Warnings), "warning"), cfg.Set.Digest())
		return nil
	}
	answer := checkAnswer{OK: err == nil, Config: configPath(file), Problems: config.Problems{}}
	if err == nil {
		answer.Policy, answer.Entries = cfg.Set.Digest(), cfg.Set.Len()
		answer.Problems = append(answer.Problems, cfg.Warnings...)
	} else if problems, ok := err.(config.Problems); ok {
		answer.Problems = problems
	}
	if werr := writeJSON(cmd.OutOrStdout(), answer); werr != nil {
		return werr
	}
	return err
}
