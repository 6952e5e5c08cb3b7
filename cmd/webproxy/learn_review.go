package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/learn"
)

func newLearnReview() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Go through the proposals, one answer each",
		Long: `Review shows each proposal with its evidence and takes an answer of one key (or, where the input is no terminal,
of one line). What nothing speaks against can be approved together. Nothing is written before the end, or q; then the
approved entries are added to the list file and the rest is remembered, as learn apply does. --plan writes the
proposals to a file instead, to be answered in an editor; --apply is learn apply.`,
		Example: "  webproxy learn review --group nodes\n  webproxy learn review --plan plan.yaml",
		Args:    cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	to := addWriteFlags(cmd)
	plan := cmd.Flags().String("plan", "", "write the proposals to a new `FILE`, unanswered")
	apply := cmd.Flags().String("apply", "", "carry out the answers in `FILE`")
	cmd.MarkFlagsMutuallyExclusive("plan", "apply")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *apply != "" {
			return to.applyFile(cmd, *f.config, *apply)
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		list, withheld := l.proposals()
		if *plan != "" {
			return writePlan(*plan, learn.NewPlan(l.now, l.seen, l.cfg.Set, list), cmd.ErrOrStderr())
		}
		if n := len(withheld); n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s not proposed; webproxy learn export -o json says why\n", wording.Plural(n, "endpoint"))
		}
		if len(list) == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing is proposed")
			return nil
		}
		d := dialogue{
			keyboard: newKeyboard(cmd.InOrStdin(), cmd.OutOrStdout()),
			goes:     func(group string) string { return to.goes(l.cfg, group) },
		}
		items, err := d.run(list)
		if err != nil {
			return err
		}
		return to.apply(cmd, l.cfg, items)
	}
	return cmd
}

// goes says which list what is approved for group goes to, and for whom it holds there.
func (f writeFlags) goes(cfg *config.Config, group string) string {
	r, err := f.listFor(cfg, group)
	switch {
	case err != nil:
		return "no list yet: " + err.Error()
	case len(r.For) == 1:
		return fmt.Sprintf("%s, for group %s alone", r.File, group)
	case len(r.For) > 1:
		return fmt.Sprintf("%s, for %s", r.File, wording.Plural(len(r.For), "group"))
	}
	return r.File + ", for all groups"
}

// writePlan writes p to a new file: answers that somebody wrote must not be lost.
func writePlan(path string, p *learn.Plan, stderr io.Writer) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return hint.With(fmt.Errorf("%s exists, and may have answers in it", path), "apply it, or name another file")
	}
	if err != nil {
		return err
	}
	if err := errors.Join(p.Encode(file), file.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s in %s\n", wording.Plural(len(p.Items), "proposal"), path)
	return nil
}
