package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func newLists() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lists",
		Short: "Show the built-in lists of endpoints, and which are in force",
		Long: `Lists shows the built-in lists and bundles with the numbers of their entries for the configured cloud and
region. ON says whether a rule uses the list: directly, through a bundle, or to deny it.`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		return writeLists(cmd, cfg, asJSON)
	})
	cmd.AddCommand(newListsShow(), newListsDiff(), newListsGrep(), newListsImport(), newListsCheck(), newListsFmt())
	return cmd
}

// A listAnswer is a list as lists prints it in JSON.
type listAnswer struct {
	Name        string   `json:"name"`
	On          bool     `json:"on"`
	Use         string   `json:"use"` // on, in BUNDLE, deny; empty if it is not on
	Title       string   `json:"title"`
	Entries     int      `json:"entries"`  // in force for this cloud and region
	Disabled    int      `json:"disabled"` // for this cloud and region, not in force
	Generation  string   `json:"generation"`
	Generations []string `json:"generations"`
	Date        string   `json:"date"`
	Sources     []string `json:"sources"`
	Lists       []string `json:"lists,omitempty"` // of a bundle
}

func writeLists(cmd *cobra.Command, cfg *config.Config, asJSON bool) error {
	uses, err := listUses(cfg)
	if err != nil {
		return err
	}
	answers := []listAnswer{}
	for _, name := range append(catalog.BundleNames(), catalog.Names()...) {
		used := uses[name]
		if len(used) == 0 {
			used = []listUse{{name: name}}
		}
		for _, u := range used {
			a, err := describeList(u, cfg.Place())
			if err != nil {
				return err
			}
			answers = append(answers, a)
		}
	}
	rows := [][]string{{"LIST", "ON", "ENTRIES", "DISABLED", "GENERATION", "DATE", "TITLE", "SOURCE"}}
	for _, a := range answers {
		rows = append(rows, []string{a.Name, cell(a.Use), fmt.Sprint(a.Entries), fmt.Sprint(a.Disabled),
			a.Generation, a.Date, a.Title, sourceText(&a)})
	}
	if !asJSON {
		io.WriteString(cmd.OutOrStdout(), aboutLine(cfg))
	}
	return writeAnswer(cmd.OutOrStdout(), asJSON, answers, rows, "SOURCE", "DISABLED", "DATE", "GENERATION")
}

// A listUse is how rules use a list, and in which generation.
type listUse struct{ name, way string }

// listUses returns the lists and bundles that rules use, by name without generation. Of a bundle's lists it has
// those with an entry in force.
func listUses(cfg *config.Config) (map[string][]listUse, error) {
	uses := map[string][]listUse{}
	add := func(name, generation, way string) {
		u := listUse{name + "@" + generation, way}
		if !slices.ContainsFunc(uses[name], func(old listUse) bool { return old.name == u.name }) {
			uses[name] = append(uses[name], u)
		}
	}
	for _, r := range cfg.Policy.Rules {
		if r.List == "" {
			continue
		}
		info, err := catalog.Info(r.List)
		if err != nil {
			return nil, err
		}
		lines, err := catalog.Lines(r.List, cfg.Place())
		if err != nil {
			return nil, err
		}
		way, through := "on", "in "+info.Name
		if r.Deny {
			way, through = "deny", "deny"
		}
		add(info.Name, info.Generation, way)
		for _, l := range lines {
			if len(l.Entries) > 0 {
				add(l.List.Name, l.List.Generation, through)
			}
		}
	}
	return uses, nil
}

func describeList(u listUse, p policy.Place) (listAnswer, error) {
	info, err := catalog.Info(u.name)
	if err != nil {
		return listAnswer{}, err
	}
	l, err := catalog.Get(u.name, p)
	if err != nil {
		return listAnswer{}, err
	}
	return listAnswer{
		Name: info.Name, On: u.way != "" && u.way != "deny", Use: u.way, Title: info.Title,
		Entries: len(l.Entries), Disabled: len(l.Disabled), Generation: info.Generation, Generations: info.Generations,
		Date: info.Date, Sources: info.Sources, Lists: info.Lists,
	}, nil
}

// sourceText is the source of a list, in a few words.
func sourceText(a *listAnswer) string {
	if len(a.Lists) > 0 {
		return "bundle of " + wording.Plural(len(a.Lists), "list")
	}
	const most = 40 // characters; -o json has all of it
	first := []rune(a.Sources[0])
	if len(first) > most {
		first = append(first[:most-3:most-3], []rune("...")...)
	}
	if len(a.Sources) == 1 {
		return string(first)
	}
	return fmt.Sprintf("%s and %d more", string(first), len(a.Sources)-1)
}

// placeFlags let a command use another place than the configured one.
type placeFlags struct{ file, cloud, region *string }

func addPlaceFlags(cmd *cobra.Command) placeFlags {
	return placeFlags{
		file:   configFlag(cmd),
		cloud:  cmd.Flags().String("cloud", "", "`CLOUD` instead of the configured one: public, china or usgov"),
		region: cmd.Flags().String("region", "", "`REGION` instead of the configured one: eastus, or eus"),
	}
}

// place returns the configured place, changed by the flags.
func (f placeFlags) place() (policy.Place, error) {
	cfg, err := loadConfig(*f.file)
	if err != nil {
		return policy.Place{}, err
	}
	p := cfg.Place()
	if *f.cloud != "" && *f.cloud != p.Cloud {
		p.Cloud, p.Region = *f.cloud, "" // a region belongs to one cloud
	}
	if *f.region != "" {
		p.Region = *f.region
	}
	if errs := catalog.CheckPlace(p); len(errs) > 0 {
		return p, usageError{fmt.Errorf("--%w%s", errs[0], inParentheses(errs[0].Hint))}
	}
	return p, nil
}

func inParentheses(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + hint + ")"
}

// examples returns two hosts that a wildcard matches; nil for other patterns. A wildcard is never shown without examples.
func examples(hostPattern string) []string {
	p, err := policy.ParsePattern(strings.NewReplacer("{", "", "}", "").Replace(hostPattern))
	if err != nil || !p.IsWildcard() {
		return nil
	}
	return p.Examples()
}
