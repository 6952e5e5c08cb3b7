package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func newListsDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two lists, two generations of one, or a list or the policy with a document",
		Long: `Diff compares what two lists or bundles let through for the configured cloud and region: hosts added,
removed, and changed in scheme, port or path. The order of lines and their descriptions do not count.

A or B may also be a FILE, a document in any of the forms that lists import reads ("-" is standard input), or the word
policy, the policy in the configuration. Then "+" is what B has and A does not let through, "-" what A lets through and B does
not have. What only a wider entry lets through is not a difference; it is counted, and -o json names it. A file whose name
is that of a list is written ./NAME.

Exit code 4 means that they differ, or that something in a document was not understood.`,
		Example: "  webproxy lists diff hci@2021-12 hci@2026-07 --region eastus\n  webproxy lists diff azure-local eastus.md\n  webproxy lists diff policy eastus.md",
		Args:    cobra.ExactArgs(2),
	}
	flags := addPlaceFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		p, err := flags.place()
		if err != nil {
			return err
		}
		a, b := sideOf(args[0]), sideOf(args[1])
		if a == aList && b == aList {
			return diffLists(cmd, args[0], args[1], p, asJSON)
		}
		return diffDocument(cmd, *flags.file, [2]side{{args[0], a}, {args[1], b}}, p, asJSON)
	})
	toFile(cmd)
	return cmd
}

// A diffAnswer is what lists diff prints as JSON.
type diffAnswer struct {
	A       string       `json:"a"`
	B       string       `json:"b"`
	Cloud   string       `json:"cloud"`
	Region  string       `json:"region"`
	Added   []hostChange `json:"added"`
	Removed []hostChange `json:"removed"`
	Changed []hostChange `json:"changed"`

	// Of documents and policies:
	Within      []withinChange `json:"within,omitempty"`
	NotCompared []notCompared  `json:"not_compared,omitempty"`
}

// A hostChange is the difference for one host.
type hostChange struct {
	Host     string   `json:"host"`
	From     []string `json:"from,omitempty"`
	To       []string `json:"to,omitempty"`
	Examples []string `json:"examples,omitempty"` // of a wildcard
	Why      string   `json:"why,omitempty"`      // the policy does not let it through, if there is more to say
}

func diffLists(cmd *cobra.Command, a, b string, p policy.Place, asJSON bool) error {
	for _, name := range []string{a, b} {
		if _, err := catalog.Info(name); err != nil {
			return usageError{fmt.Errorf("%w; nor is there such a file", err)}
		}
	}
	changes, err := catalog.Diff(a, b, p)
	if err != nil {
		return usageError{err}
	}
	answer := diffAnswer{A: a, B: b, Cloud: p.Cloud, Region: p.Region, Added: []hostChange{}, Removed: []hostChange{}, Changed: []hostChange{}}
	for _, c := range changes {
		h := hostChange{Host: c.Host, From: c.From, To: c.To, Examples: examples(c.Host)}
		switch {
		case len(c.From) == 0:
			answer.Added = append(answer.Added, h)
		case len(c.To) == 0:
			answer.Removed = append(answer.Removed, h)
		default:
			answer.Changed = append(answer.Changed, h)
		}
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), answer)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), answer.text())
	}
	if err == nil {
		err = sayAbsent(cmd, p, a, b)
	}
	if err == nil && len(changes) > 0 {
		return noError{}
	}
	return err
}

// text has the removed hosts after "-", the added ones after "+", the changed ones after "~".
func (d *diffAnswer) text() string {
	var b strings.Builder
	for _, h := range d.Removed {
		writeForms(&b, "-", h.From, h.Examples)
	}
	for _, h := range d.Added {
		writeForms(&b, "+", h.To, h.Examples)
		if h.Why != "" {
			fmt.Fprintf(&b, "  # %s\n", h.Why)
		}
	}
	for _, h := range d.Changed {
		fmt.Fprintf(&b, "~ %s -> %s%s\n", strings.Join(h.From, " "), strings.Join(h.To, " "), comment(h.Examples))
	}
	fmt.Fprintf(&b, "%s to %s: %d added, %d removed, %d changed\n", d.A, d.B, len(d.Added), len(d.Removed), len(d.Changed))
	return b.String()
}

func writeForms(b *strings.Builder, mark string, forms, examples []string) {
	for _, f := range forms {
		fmt.Fprintf(b, "%s %s%s\n", mark, f, comment(examples))
	}
}

// sayAbsent reports lines that were not compared, because a list has no such line for the place.
func sayAbsent(cmd *cobra.Command, p policy.Place, names ...string) error {
	for _, name := range names {
		lines, err := catalog.Lines(name, p)
		if err != nil {
			return err
		}
		absent := 0
		why := ""
		for _, l := range lines {
			if l.Absent {
				absent++
				why = l.Disabled.Reason
			}
		}
		if absent > 0 {
			sayHint(cmd.ErrOrStderr(), fmt.Sprintf("%s of %s not compared: %s", wording.Plural(absent, "line"), name, why))
		}
	}
	return nil
}
