package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/policy"
)

func newLists() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lists",
		Short: "Show the built-in lists of endpoints, and which are in force",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := isJSON(*output)
		if err != nil {
			return err
		}
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		return lists(cmd, cfg, asJSON)
	}
	cmd.AddCommand(newListsShow(), newListsImport())
	return cmd
}

// A listAnswer is a list as lists prints it in JSON.
type listAnswer struct {
	Name        string   `json:"name"`
	On          bool     `json:"on"`
	Title       string   `json:"title"`
	Entries     int      `json:"entries"`  // in force for this cloud and region
	Disabled    int      `json:"disabled"` // for this cloud and region, not in force
	Generation  string   `json:"generation"`
	Generations []string `json:"generations"`
	Date        string   `json:"date"`
	Sources     []string `json:"sources"`
}

func lists(cmd *cobra.Command, cfg *config.Config, asJSON bool) error {
	on := map[string]string{} // name -> as the rule has it, perhaps with a generation
	for _, r := range cfg.Policy.Rules {
		if r.List != "" {
			name, _, _ := strings.Cut(r.List, "@")
			on[name] = r.List
		}
	}
	answers := []listAnswer{}
	for _, name := range catalog.Names() {
		wanted, isOn := on[name]
		if !isOn {
			wanted = name
		}
		info, err := catalog.Info(wanted)
		if err != nil {
			return err
		}
		l, err := catalog.Get(wanted, place(cfg))
		if err != nil {
			return err
		}
		answers = append(answers, listAnswer{name, isOn, info.Title, len(l.Entries), len(l.Disabled),
			info.Generation, info.Generations, info.Date, info.Sources})
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), answers)
	}
	rows := [][]string{{"LIST", "ON", "ENTRIES", "DISABLED", "GENERATION", "DATE", "TITLE"}}
	for _, a := range answers {
		rows = append(rows, []string{a.Name, onWord(a.On), fmt.Sprint(a.Entries), fmt.Sprint(a.Disabled), a.Generation, a.Date, a.Title})
	}
	return writeTable(cmd.OutOrStdout(), rows)
}

func onWord(on bool) string {
	if on {
		return "on"
	}
	return "-"
}

// place is for whom cfg wants lists to be made.
func place(cfg *config.Config) policy.Place {
	p := policy.Place{Cloud: cfg.Policy.Cloud, Region: cfg.Policy.Region, Names: cfg.Policy.Names}
	if p.Cloud == "" {
		p.Cloud = "public"
	}
	return p
}

func newListsShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME[@GENERATION]",
		Short: "Show the entries of a list for the configured cloud and region",
		Long: `Show prints the entries as lines of a list file: they can be copied into one. What cannot be in force
stands behind "#", with the reason.`,
		Example: "  webproxy lists show arc\n  webproxy lists show hci@2021-12 --cloud china",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	cloud := cmd.Flags().String("cloud", "", "`CLOUD` instead of the configured one")
	region := cmd.Flags().String("region", "", "`REGION` instead of the configured one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		p := place(cfg)
		if *cloud != "" {
			p.Cloud = *cloud
		}
		if *region != "" {
			p.Region = *region
		}
		if !slices.Contains([]string{"public", "china", "usgov"}, p.Cloud) {
			return usageError{fmt.Errorf("--cloud %q: want public, china or usgov", p.Cloud)}
		}
		return showList(cmd, args[0], p)
	}
	return cmd
}

func showList(cmd *cobra.Command, name string, p policy.Place) error {
	info, err := catalog.Info(name)
	if err != nil {
		return usageError{err}
	}
	l, err := catalog.Get(name, p)
	if err != nil {
		return usageError{err}
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "# %s@%s: %s; cloud %s\n", info.Name, info.Generation, info.Title, p.Cloud)
	for _, s := range info.Sources {
		fmt.Fprintf(w, "# source: %s (%s)\n", s, info.Date)
	}
	for _, e := range l.Entries {
		fmt.Fprintln(w, e)
	}
	for _, d := range l.Disabled {
		fmt.Fprintf(w, "# not in force: %q: %s\n", d.Text, d.Reason)
	}
	return nil
}
