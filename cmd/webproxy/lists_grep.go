package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/policy"
)

func newListsGrep() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grep HOST",
		Short: "Say which lists and entries cover a host",
		Long: `Grep looks through all lists, in all generations, for entries whose host is HOST or a wildcard over it. RULE
is the rule that has the entry in force for the configured cloud, region and names. Exit code 4 means that
no entry was found.`,
		Example: "  webproxy lists grep gbl.his.arc.azure.com\n  webproxy lists grep --on acct.blob.core.windows.net",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	on := cmd.Flags().Bool("on", false, "only entries that a rule has in force")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		host, err := hostOf(args[0])
		if err != nil {
			return usageError{err}
		}
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		return grepLists(cmd, cfg, host, *on, asJSON)
	})
	return cmd
}

// hostOf returns the host, in normal form, of a name, a URL or host:port.
func hostOf(s string) (string, error) {
	e, err := policy.ParseEntry(s)
	if err != nil {
		return "", fmt.Errorf("host %q: %w", s, err)
	}
	if host := e.Host.String(); host != "" && !e.Host.IsWildcard() {
		return host, nil
	}
	return "", fmt.Errorf("host %q: want one host", s)
}

// A grepMatch is an entry as lists grep prints it in JSON.
type grepMatch struct {
	List     string   `json:"list"` // with its generation
	Line     int      `json:"line"` // its number in the list
	ID       string   `json:"id"`
	Entries  []string `json:"entries"`
	Cloud    string   `json:"cloud"`
	Regions  []string `json:"regions,omitempty"`
	Source   string   `json:"source"`
	Date     string   `json:"date"`
	Rules    []string `json:"rules"` // that have it in force and cover the host
	Examples []string `json:"examples,omitempty"`
	Disabled string   `json:"disabled,omitempty"` // why no rule can have it
}

func grepLists(cmd *cobra.Command, cfg *config.Config, host string, on, asJSON bool) error {
	found, err := catalog.Covering(host)
	if err != nil {
		return err
	}
	rules, err := rulesCovering(cfg, host)
	if err != nil {
		return err
	}
	matches := []grepMatch{}
	for _, l := range found {
		e := l.Endpoint
		if on && rules[e] == nil {
			continue
		}
		matches = append(matches, grepMatch{
			List: l.List.Name + "@" + l.List.Generation, Line: l.Number, ID: e.ID, Entries: e.Forms(), Cloud: e.Cloud, Regions: e.Regions,
			Source: l.Document.Source, Date: l.Document.Date, Rules: append([]string{}, rules[e]...), Examples: examples(e.Host), Disabled: e.Disabled,
		})
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), matches)
	} else if len(matches) > 0 {
		err = writeTable(cmd.OutOrStdout(), grepRows(matches), "LINE", "REGION", "CLOUD")
	} else {
		sayHint(cmd.ErrOrStderr(), fmt.Sprintf("no entry of a list covers %s", host))
	}
	if err == nil && len(matches) == 0 {
		return noError{}
	}
	return err
}

// rulesCovering returns the rules that have an endpoint in force in such a way that it covers host.
func rulesCovering(cfg *config.Config, host string) (map[*catalog.Endpoint][]string, error) {
	rules := map[*catalog.Endpoint][]string{}
	for _, r := range cfg.Policy.Rules {
		if r.List == "" {
			continue
		}
		lines, err := catalog.Lines(r.List, cfg.Place())
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if len(l.Entries) > 0 && l.Entries[0].Host.Matches(host) {
				id := r.ID
				if r.Deny {
					id += " (deny)"
				}
				rules[l.Endpoint] = append(rules[l.Endpoint], id)
			}
		}
	}
	return rules, nil
}

func grepRows(matches []grepMatch) [][]string {
	rows := [][]string{{"LIST", "LINE", "RULE", "CLOUD", "REGION", "ENTRY", "NOTE"}}
	for _, m := range matches {
		more := ""
		switch {
		case m.Disabled != "":
			more = "no rule: " + m.Disabled
		case len(m.Examples) > 0:
			more = "such as " + strings.Join(m.Examples, ", ")
		}
		rows = append(rows, []string{m.List, fmt.Sprint(m.Line), cell(strings.Join(m.Rules, ", ")), m.Cloud,
			cell(strings.Join(m.Regions, " ")), strings.Join(m.Entries, " "), cell(more)})
	}
	return rows
}
