package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/learn"
)

func newLearnReview() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Review the proposals, one by one",
		Long: `Review shows each proposal with its evidence and takes an answer of one key (or, where the input is no terminal,
of one line). Proposals without concerns can be approved together. Nothing is written before the end, or q; then the
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
			_, err := to.applyFile(cmd, *f.config, *apply)
			return err
		}
		l, err := f.read(cmd)
		if err != nil {
			return err
		}
		list, withheld := l.Proposals()
		if *plan != "" {
			return writePlan(*plan, learn.NewPlan(l.Now, l.Seen, l.Config.Set, list), cmd.ErrOrStderr())
		}
		if n := len(withheld); n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s not proposed; webproxy learn export -o json says why\n", wording.Plural(n, "endpoint"))
		}
		if len(list) == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing is proposed")
			return nil
		}
		p := prompter{
			terminal: newTerminal(cmd.InOrStdin(), cmd.OutOrStdout()),
			goes:     to.writer(l.Config).GoesTo,
		}
		items, err := p.run(list)
		if err != nil {
			return err
		}
		_, err = to.apply(cmd, l.Config, items)
		return err
	}
	return cmd
}

// writePlan writes p to a new file: an existing one may have answers.
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
