package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/coverage"
	"webproxy/internal/hint"
	"webproxy/internal/spreadsheet"
	"webproxy/policy"
	"webproxy/review"
)

// defaultProfile is the profile of coverage without --list.
const defaultProfile = coverage.AzureLocal

// coverageFlags are the flags of coverage.
type coverageFlags struct {
	config, list, source, region, cloud, group, output string
	gateway, all                                       bool

	into string // the list file for missing entries; may be empty
}

func newCoverage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Say which required endpoints the policy does not admit",
		Long: `Coverage compares the policy with everything that a built-in list or a document requires, and prints what is not
admitted, with the line that would admit it, and what only a broad wildcard admits. A document is a FILE in any of the
forms that lists import reads; all that it lists is required. See docs/coverage.md for the words in the column STATUS.
Without --list it uses the generation of azure-local that the rules have, such as that for an older release of Azure Local;
the answer names it, and the newest.
Exit code 4 means that something required is not admitted; what no
proxy rule can express, such as UDP, does not count.`,
		Example: "  webproxy coverage --region eastus\n  webproxy coverage --list arc@2026-07 --for nodes -o csv\n  webproxy coverage --list eastus.md",
		Args:    cobra.NoArgs,
	}
	var f coverageFlags
	flags := cmd.Flags()
	config := configFlag(cmd)
	f.addRequired(flags)
	flags.StringVar(&f.source, "source", "", "only what the list took from documents that begin with `TEXT`")
	flags.StringVar(&f.group, "for", "", "client `GROUP` whose requests are evaluated (default: a rule for some groups is a condition)")
	flags.BoolVar(&f.all, "all", false, "show what is covered, too")
	flags.StringVarP(&f.output, "output", "o", "table", "`FORMAT` of the answer: table, json or csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f.config = *config
		return f.run(cmd)
	}
	toFile(cmd)
	return cmd
}

// addRequired adds the flags that say which endpoints are required.
func (f *coverageFlags) addRequired(flags *pflag.FlagSet) {
	flags.StringVar(&f.list, "list", defaultProfile, "`LIST` or bundle of lists that is required, NAME[@GENERATION], or a FILE with a document that says so")
	flags.StringVar(&f.region, "region", "", "`REGION` instead of the configured one")
	flags.StringVar(&f.cloud, "cloud", "", "`CLOUD` instead of the configured one")
	flags.BoolVar(&f.gateway, "gateway", false, "what is needed with an Arc gateway (default: as policy.names.gateway says)")
}

func (f *coverageFlags) run(cmd *cobra.Command) error {
	if err := wantOutput(f.output, "table", "json", "csv"); err != nil {
		return err
	}
	write := map[string]func(io.Writer, *coverage.Report) error{
		"table": f.table, "json": f.json, "csv": coverageCSV,
	}[f.output]
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	if err := wantGroup(cfg.Set, "--for", f.group); err != nil {
		return err
	}
	if !cmd.Flags().Changed("list") {
		f.list = f.inUse(cmd, cfg)
	}
	profile, err := f.profile(cmd, f.place(cmd, cfg))
	if err != nil {
		return err
	}
	f.into = review.FixFile(cfg, f.group)
	report := profile.Check(cfg.Set, coverage.Options{Group: f.group, Now: time.Now()})
	if f.output == "table" {
		io.WriteString(cmd.OutOrStdout(), aboutLine(cfg))
	}
	if err := write(cmd.OutOrStdout(), &report); err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), report.Verdict())
	if !report.Complete() {
		return noError{}
	}
	return nil
}

// inUse returns the default profile in the generation that the rules have, the newest of several: a policy for an older release of
// Azure Local is compared with what that release needs. If there is a newer generation, that is said.
func (f *coverageFlags) inUse(cmd *cobra.Command, cfg *config.Config) string {
	used, by := coverage.InUse(defaultProfile, cfg.Policy.Rules)
	newest, err := catalog.Info(defaultProfile)
	if by == "" || err != nil || used == defaultProfile+"@"+newest.Generation {
		return defaultProfile
	}
	sayHint(cmd.ErrOrStderr(), fmt.Sprintf("required is what %s says, the list of rule %s; --list %s is the newest, of %s", used, by, defaultProfile, newest.Generation))
	return used
}

// profile returns the required endpoints, of a list or a document.
func (f *coverageFlags) profile(cmd *cobra.Command, p policy.Place) (*coverage.Profile, error) {
	kind := sideOf(f.list)
	if errs := catalog.CheckPlace(p); kind == aDocument && len(errs) > 0 {
		return nil, usageError{fmt.Errorf("--%w%s", errs[0], inParentheses(errs[0].Hint))}
	}
	if kind == aPolicy {
		return nil, usageError{fmt.Errorf("--list %q: want a list or a file", f.list)}
	}
	profile, err := side{f.list, kind}.open(cmd, p)
	if err == nil && f.source != "" {
		if profile, err = profile.From(f.source); err != nil {
			err = usageError{err}
		}
	}
	if err == nil && kind == aDocument && len(profile.Endpoints) == 0 {
		err = hint.With(fmt.Errorf("%s names no endpoint", f.list), "webproxy lists import "+f.list+" tells what was read")
	}
	return profile, err
}

// wantGroup is an error if the value of a flag, unless empty, is not a client group.
func wantGroup(set *policy.Set, flag, name string) error {
	if name == "" {
		return nil
	}
	var names []string
	for _, g := range set.Groups() {
		if g.Name == name {
			return nil
		}
		names = append(names, g.Name)
	}
	return usageError{fmt.Errorf("%s %w", flag, &review.NoGroupError{Name: name, There: names})}
}

// anyGateway stands for the id of a gateway that the configuration does not name.
const anyGateway = "your-gateway-id"

// place returns the configured place, changed by the flags.
func (f *coverageFlags) place(cmd *cobra.Command, cfg *config.Config) policy.Place {
	p := cfg.Place()
	names := map[string]string{}
	for k, v := range p.Names {
		names[k] = v
	}
	p.Names = names
	if f.region != "" {
		p.Region = f.region
	}
	if f.cloud != "" {
		p.Cloud = f.cloud
	}
	switch set := names["gateway"]; {
	case !cmd.Flags().Changed("gateway"):
	case !f.gateway:
		names["gateway"] = "none"
	case set == "" || set == "none":
		names["gateway"] = anyGateway
	}
	return p
}

// table shows the rows that need attention, or all.
func (f *coverageFlags) table(w io.Writer, r *coverage.Report) error {
	rows := [][]string{{"STATUS", "NEED", "ENDPOINT", "BY", "HOST", "WHY"}}
	var fixes []string
	for _, row := range r.Rows {
		if row.Status == coverage.Covered && !f.all {
			continue
		}
		rows = append(rows, []string{string(row.Status), string(row.Need), row.Text, cmp.Or(row.Rule, "-"), cmp.Or(row.Host, "-"), cmp.Or(row.Why, "-")})
		if row.Fix != "" && !row.Status.Admitted() {
			fixes = append(fixes, listLine(row.Fix))
		}
	}
	if len(rows) > 1 {
		if err := writeTable(w, rows, "HOST", "BY"); err != nil {
			return err
		}
	}
	if len(fixes) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nto admit what is not, add to %s:\n%s\n", cmp.Or(f.into, "a list file"), strings.Join(fixes, "\n"))
	return err
}

// listLine is fix as a line of a list file: as a comment if it is not an entry.
func listLine(fix string) string {
	if _, err := policy.ParseEntry(fix); err != nil {
		return "# " + fix
	}
	return fix
}

// A coverageAnswer is what coverage prints as JSON.
type coverageAnswer struct {
	Profile  string                  `json:"profile"`
	Cloud    string                  `json:"cloud"`
	Region   string                  `json:"region"`
	Policy   string                  `json:"policy"`
	Complete bool                    `json:"complete"`
	Verdict  string                  `json:"verdict"`
	Counts   map[coverage.Status]int `json:"counts"`
	Rows     []coverageRow           `json:"rows"`
	File     string                  `json:"file,omitempty"` // the list file that fixes go to, as the configuration names it
}

type coverageRow struct {
	Status     coverage.Status `json:"status"`
	Need       coverage.Need   `json:"need"`
	Endpoint   string          `json:"endpoint"`
	Source     string          `json:"source"`
	Document   string          `json:"document"`
	Rule       string          `json:"rule"`
	RuleSource string          `json:"rule_src"`
	Host       string          `json:"host"`
	Why        string          `json:"why"`
	Fix        string          `json:"fix"`
}

func newCoverageRow(r *coverage.Row) coverageRow {
	return coverageRow{r.Status, r.Need, r.Text, r.Source, r.Document, r.Rule, r.RuleAt, r.Host, r.Why, r.Fix}
}

func (f *coverageFlags) json(w io.Writer, r *coverage.Report) error {
	return writeJSON(w, newCoverageAnswer(r, f.into))
}

func newCoverageAnswer(r *coverage.Report, file string) coverageAnswer {
	a := coverageAnswer{
		File:    file,
		Profile: r.Profile, Cloud: r.Cloud, Region: r.Region, Policy: r.Policy, Complete: r.Complete(),
		Verdict: r.Verdict(), Counts: map[coverage.Status]int{}, Rows: []coverageRow{},
	}
	for _, s := range coverage.Statuses() {
		a.Counts[s] = r.Count(s)
	}
	for i := range r.Rows {
		a.Rows = append(a.Rows, newCoverageRow(&r.Rows[i]))
	}
	return a
}

func coverageCSV(w io.Writer, r *coverage.Report) error {
	cw := spreadsheet.NewWriter(w)
	cw.Write([]string{"status", "need", "endpoint", "source", "document", "rule", "rule_src", "host", "why", "fix"})
	for i := range r.Rows {
		row := newCoverageRow(&r.Rows[i])
		cw.Write([]string{string(row.Status), string(row.Need), row.Endpoint, row.Source, row.Document, row.Rule,
			row.RuleSource, row.Host, row.Why, row.Fix})
	}
	return cw.Flush()
}
