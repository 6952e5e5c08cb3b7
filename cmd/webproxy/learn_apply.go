package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/learn"
	"webproxy/review"
)

// writeFlags say where approvals go.
type writeFlags struct{ list, by *string }

func addWriteFlags(cmd *cobra.Command) writeFlags {
	return writeFlags{
		list: cmd.Flags().String("list", "", "list `FILE` that approvals go to, as policy.rules names it (default: the first that holds for the group)"),
		by:   cmd.Flags().String("by", "", "who approves (default: the user who runs this)"),
	}
}

func newLearnApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Carry out the answers in a plan",
		Long: `Apply carries out the answers in a file that learn review --plan wrote: it adds approved entries to the list
file, with by, reason and expires, and keeps every other byte of it; it remembers what was rejected or put off
in learn.yaml. It carries out the whole plan or nothing. Entries that are approved already are skipped, so a plan can
be applied twice. Each approval and rejection is a record of the audit log.`,
		Example: "  webproxy learn apply plan.yaml",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	to := addWriteFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		answer, err := to.applyFile(cmd, *file, args[0])
		if err == nil && asJSON {
			err = writeJSON(cmd.OutOrStdout(), answer)
		}
		return err
	})
	return cmd
}

// applyFile carries out the answers in the plan at path.
func (f writeFlags) applyFile(cmd *cobra.Command, configFile, path string) (*applyAnswer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	plan, err := learn.ParsePlan(data)
	for i := 0; err == nil && i < len(plan.Items); i++ {
		if past := plan.Items[i].CheckExpiry(time.Now()); past != nil {
			err = fmt.Errorf("proposals[%d]: %w", i, past)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	cfg, err := loadConfig(configFile)
	if err != nil {
		return nil, err
	}
	return f.apply(cmd, cfg, plan.Items)
}

// writer carries out answers for cfg.
func (f writeFlags) writer(cfg *config.Config) review.Writer {
	return review.Writer{Config: cfg, By: who(*f.by), List: *f.list}
}

// An applyAnswer is what learn apply and reject print as JSON.
type applyAnswer struct {
	Config   string               `json:"config"`
	Answers  map[learn.Answer]int `json:"answers"`  // how many of each were carried out
	Added    map[string]int       `json:"added"`    // lines, by list file as the configuration names it
	Replaced []string             `json:"replaced"` // wildcards that still allow all names there
	records
}

// apply carries out the answers of items, and rejects domains. Text for people goes to stderr.
func (f writeFlags) apply(cmd *cobra.Command, cfg *config.Config, items []learn.Item, domains ...review.RejectedDomain) (*applyAnswer, error) {
	a, err := f.writer(cfg).Apply(items, domains...)
	switch {
	case errors.Is(err, review.ErrBuiltIn):
		return nil, builtInLacks("list to add to")
	case err != nil:
		return nil, err
	}
	answer := &applyAnswer{Config: about(cfg), Answers: a.Answers(), Added: a.Added(), Replaced: append([]string{}, a.Replaced...)}
	if !a.Empty() {
		if answer.records, err = commitChange(cmd, &a.Change); err != nil {
			return nil, err
		}
	}
	fmt.Fprintln(cmd.ErrOrStderr(), a.Summary())
	for _, wildcard := range a.Replaced {
		sayHint(cmd.ErrOrStderr(), wildcard+" still allows all names there, rejected ones too: remove it once all that are needed are approved")
	}
	return answer, nil
}
