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
		Short: "Compare the policies of two configurations",
		Long: `Diff compares what two configuration files decide, not how they are written: the order of rules, comments, and
whether a host stands in the file or in a list make no difference. Each line is an entry, a client network or
a phase with all its conditions; "+" is only in B, "-" only in A. If the other policy has a wider entry that covers
one, the line says so: then they differ only in form. Exit code 4 means that they differ.`,
		Example: "  webproxy diff webproxy.yaml candidate.yaml",
		Args:    cobra.ExactArgs(2),
	}
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		a, err := config.Load(args[0])
		if err != nil {
			return err
		}
		b, err := config.Load(args[1])
		if err != nil {
			return err
		}
		return diffPolicies(cmd, a.Set, b.Set, asJSON)
	})
	toFile(cmd)
	return cmd
}

// A policyDiff is what diff prints as JSON.
type policyDiff struct {
	A       string     `json:"a"`
	B       string     `json:"b"`
	Added   []diffLine `json:"added"`
	Removed []diffLine `json:"removed"`
}

// A diffLine is one entry, client network or phase that only one of two policies has.
type diffLine struct {
	Line string `json:"line"`
	// CoveredBy is the entry of the other policy that applies to every request that this one applies to, with the
	// same effect; empty if there is no such entry, or if a deny of the other policy beats it.
	CoveredBy string `json:"covered_by,omitempty"`
}

func diffPolicies(cmd *cobra.Command, a, b *policy.Set, asJSON bool) error {
	added, removed := policy.Diff(a, b)
	d := policyDiff{a.Digest(), b.Digest(), diffLines(added, b, a), diffLines(removed, a, b)}
	w := cmd.OutOrStdout()
	if asJSON {
		if err := writeJSON(w, d); err != nil {
			return err
		}
	} else {
		for _, l := range d.Removed {
			fmt.Fprintln(w, l.text("-", "still covered"))
		}
		for _, l := range d.Added {
			fmt.Fprintln(w, l.text("+", "was covered"))
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s -> %s: %d added, %d removed\n", policy.ShortDigest(a.Digest()), policy.ShortDigest(b.Digest()), len(added), len(removed))
	if len(added)+len(removed) > 0 {
		return noError{}
	}
	return nil
}

func (l diffLine) text(sign, word string) string {
	if l.CoveredBy == "" {
		return sign + " " + policy.Readable(l.Line)
	}
	return fmt.Sprintf("%s %s   (%s by %s)", sign, policy.Readable(l.Line), word, policy.Readable(l.CoveredBy))
}

// coverLimit bounds the lines for which CoveredBy is searched: each is compared with a whole policy.
const coverLimit = 2_000

// diffLines are lines of one policy, with what covers them in the other.
func diffLines(lines []string, of, other *policy.Set) []diffLine {
	entries := map[string]policy.RuleInfo{}
	for _, r := range of.Rules() {
		entries[r.String()] = r
	}
	all := make([]diffLine, 0, len(lines))
	for i, l := range lines {
		d := diffLine{Line: l}
		if r, ok := entries[l]; ok && i < coverLimit {
			d.CoveredBy = coveredBy(r, other)
		}
		all = append(all, d)
	}
	return all
}

// coveredBy returns the entry of set that applies to every request that r applies to, with the same effect.
func coveredBy(r policy.RuleInfo, set *policy.Set) string {
	covering := ""
	for _, o := range set.Rules() {
		switch {
		case !o.Covers(r):
		case o.Deny && !r.Deny:
			return ""
		case o.Deny == r.Deny && covering == "":
			covering = o.String()
		}
	}
	return covering
}
