package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/learn"
	"webproxy/policy"
)

func newLearnReview() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Go through the proposals, one answer each",
		Long: `Review shows each proposal with its evidence and takes an answer of one letter and Enter. Nothing is written
before the end, or q; then the approved entries are added to the list file and the rest is remembered, as learn
apply does. --plan writes the proposals to a file instead, to be answered in an editor; --apply is learn apply.`,
		Example: "  webproxy learn review --group nodes\n  webproxy learn review --plan plan.yaml",
		Args:    cobra.NoArgs,
	}
	f := addLearnFlags(cmd)
	to := addWriteFlags(cmd)
	plan := cmd.Flags().String("plan", "", "write the proposals to `FILE`, unanswered")
	apply := cmd.Flags().String("apply", "", "carry out the answers in `FILE`")
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
		d := dialogue{in: bufio.NewReader(cmd.InOrStdin()), out: cmd.OutOrStdout()}
		items, err := d.run(list)
		if err != nil {
			return err
		}
		if n := len(withheld); n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s not proposed; webproxy learn export -o json says why\n", plural(n, "endpoint"))
		}
		return to.apply(cmd, l.cfg, items)
	}
	return cmd
}

// writePlan writes p to a new file: answers that somebody wrote must not be lost.
func writePlan(path string, p *learn.Plan, stderr io.Writer) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(p.Encode(file), file.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s in %s\n", plural(len(p.Items), "proposal"), path)
	return nil
}

// A dialogue asks a person.
type dialogue struct {
	in  *bufio.Reader
	out io.Writer
}

// errQuit ends a dialogue; what was answered holds.
var errQuit = errors.New("quit")

// run asks about each proposal, and returns the answered ones. At the end of the input nothing is
// approved: a person who went away has not said yes.
func (d *dialogue) run(list []*learn.Proposal) ([]learn.Item, error) {
	var items []learn.Item
	for i, p := range list {
		fmt.Fprint(d.out, proposalText(i+1, len(list), p))
		item, err := d.ask(p)
		if errors.Is(err, errQuit) {
			return items, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the answers ended before q: nothing was written")
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// ask takes the answer to p.
func (d *dialogue) ask(p *learn.Proposal) (learn.Item, error) {
	item := p.Item()
	for {
		answer, err := d.line("      (a)pprove (e)xact (w)iden (r)eject (s)nooze (l)ater (?)why (q)uit > ")
		if err != nil {
			return item, err
		}
		switch answer {
		case "a":
			item.Answer = learn.Approve
		case "e":
			item.Answer = learn.Narrow
		case "w":
			wider := p.Wider()
			if wider == "" {
				fmt.Fprintln(d.out, "      nothing wider may be proposed")
				continue
			}
			item.Entry, item.Answer = wider, learn.Approve
			fmt.Fprintln(d.out, "      "+wider)
		case "r":
			item.Answer = learn.Reject
		case "s":
			item.Answer = learn.Snooze
		case "l", "":
			return item, nil
		case "q":
			return item, errQuit
		default:
			fmt.Fprint(d.out, whyText(p))
			continue
		}
		return item, d.conditions(&item)
	}
}

// conditions takes what an answer needs: an approval has a reason, and may end.
func (d *dialogue) conditions(item *learn.Item) error {
	if item.Answer == learn.Snooze {
		return nil
	}
	for item.Reason == "" {
		reason, err := d.line("      reason: ")
		if err != nil {
			return err
		}
		item.Reason = reason
		if item.Answer == learn.Reject {
			return nil
		}
	}
	for {
		expires, err := d.line("      expires [never]: ")
		if err != nil {
			return err
		}
		item.Expires = expires
		if _, err = item.Lines(); err == nil {
			return nil
		}
		fmt.Fprintf(d.out, "      %v\n", err)
		if expires == "" {
			item.Answer = learn.Pending
			return nil
		}
	}
}

// line reads one line behind a prompt, without the spaces around it.
func (d *dialogue) line(prompt string) (string, error) {
	fmt.Fprint(d.out, prompt)
	s, err := d.in.ReadString('\n')
	if err != nil && s == "" {
		return "", err
	}
	return strings.TrimSpace(s), nil
}

// proposalText is a proposal as the dialogue shows it.
func proposalText(i, n int, p *learn.Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%d/%d] %s  %s   %s\n", i, n, p.Group, p.Entry, p.Evidence)
	if p.Host.IsWildcard() {
		fmt.Fprintf(&b, "      covers   %s; matches such as %s\n", strings.Join(p.Hosts(), " "), strings.Join(p.Host.Examples(), " and "))
	}
	switch {
	case p.Known != nil:
		fmt.Fprintf(&b, "      catalog  %s\n", p.Known)
	case p.About != "":
		fmt.Fprintf(&b, "      catalog  %s\n", p.About)
	}
	fmt.Fprintf(&b, "      sure     %d/10   excess %d/10", p.Confidence, p.Excess)
	if len(p.Wide) > 0 {
		fmt.Fprintf(&b, "  %s", strings.Join(p.Wide, "; "))
	}
	b.WriteByte('\n')
	for _, c := range p.Concerns {
		fmt.Fprintf(&b, "      look at  %s\n", c)
	}
	return b.String()
}

// whyText is what a person who asks is told besides.
func whyText(p *learn.Proposal) string {
	var b strings.Builder
	for _, s := range p.Sure {
		fmt.Fprintf(&b, "      because  %s\n", s)
	}
	for _, r := range p.Ladder {
		fmt.Fprintf(&b, "      rung     %s\n", r)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "      hint     %s\n", p.Hint)
	}
	if p.Scheme == policy.HTTPS && len(p.Seen) > 0 {
		fmt.Fprintf(&b, "      reason   %s, as it was recorded\n", p.Seen[0].Reason)
	}
	return b.String()
}
