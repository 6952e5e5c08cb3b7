package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"webproxy/learn"
)

func newLearnExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print all proposals, with their evidence",
		Args:  cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	output := cmd.Flags().StringP("output", "o", "yaml", "`FORMAT`: yaml, which learn apply reads, json, or list, the lines of a list file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := wantOutput(*output, "yaml", "json", "list"); err != nil {
			return err
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		list, withheld := l.Proposals()
		w := cmd.OutOrStdout()
		switch *output {
		case "yaml":
			return learn.NewPlan(l.Now, l.Seen, l.Config.Set, list).Encode(w)
		case "json":
			return writeJSON(w, newExportAnswer(list, withheld))
		}
		for _, p := range list {
			fmt.Fprintf(w, "%s # %s; %s\n", p.Entry, p.Kind, p.Evidence)
		}
		return nil
	}
	toFile(cmd)
	return cmd
}

// An exportAnswer is what learn export prints as JSON.
type exportAnswer struct {
	Proposals []learn.Item     `json:"proposals"`
	Cases     []learn.PlanCase `json:"cases"`
	Withheld  []withheldItem   `json:"withheld"`
}

type withheldItem struct {
	Group string `json:"group"`
	Entry string `json:"entry"`
	Hits  uint64 `json:"hits"`
	Why   string `json:"why"`
}

func newExportAnswer(list []*learn.Proposal, withheld []learn.Withheld) exportAnswer {
	a := exportAnswer{Proposals: []learn.Item{}, Cases: learn.NewPlanCases(list), Withheld: []withheldItem{}}
	for _, p := range list {
		a.Proposals = append(a.Proposals, p.Item())
	}
	for _, w := range withheld {
		a.Withheld = append(a.Withheld, withheldItem{w.Group(), w.Endpoint().String(), w.Hits, w.Why})
	}
	return a
}
