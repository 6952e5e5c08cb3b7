package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/audit/export"
	"webproxy/catalog"
	"webproxy/config"
	"webproxy/internal/account"
	"webproxy/policy"
)

// words offers a closed list.
func words(all ...string) completer { return cobra.FixedCompletions(all, noFile) }

// files offers files by the ends of their names.
func files(ends ...string) completer {
	return cobra.FixedCompletions(ends, cobra.ShellCompDirectiveFilterFileExt)
}

func anyFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// formatsOf are the formats that the usage of a flag names.
func formatsOf(usage string) []string {
	known := append([]string{"table", "json", "yaml", "list", "ps1", "nft", "html"}, export.Formats()...)
	_, text, _ := strings.Cut(usage, ":")
	var all []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if slices.Contains(known, word) && !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	return all
}

// flagOf returns the value of a flag of cmd as typed so far.
func flagOf(cmd *cobra.Command, name string) string {
	if f := cmd.Flag(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// namesFor returns names of the configuration that the command uses.
func namesFor(cmd *cobra.Command) config.Names {
	path, err := configPath(flagOf(cmd, "config"))
	if err != nil {
		return config.Names{}
	}
	return config.ReadNames(path)
}

func groups(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return namesFor(cmd).Groups, noFile
}

func phases(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return namesFor(cmd).Phases, noFile
}

func rulesAndLists(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names := namesFor(cmd)
	return slices.Concat(names.Rules, names.Lists), noFile
}

func regions(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return catalog.Regions(flagOf(cmd, "cloud")), noFile
}

// listNames offers the built-in lists and bundles and, once a name is typed, its generations.
func listNames(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	all := slices.Concat(catalog.BundleNames(), catalog.Names())
	name, _, pinned := strings.Cut(typed, "@")
	if !pinned && !slices.Contains(all, typed) {
		return all, noFile
	}
	info, err := catalog.Info(name)
	if err != nil {
		return nil, noFile
	}
	for i, g := range info.Generations {
		info.Generations[i] = name + "@" + g
	}
	return append(all, info.Generations...), noFile
}

// listsOrFiles is listNames where a file may stand too.
func listsOrFiles(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	all, _ := listNames(cmd, args, typed)
	return all, cobra.ShellCompDirectiveDefault
}

func listsOrPolicy(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	all, directive := listsOrFiles(cmd, args, typed)
	return append(all, "policy"), directive
}

// fields offers what can be counted by.
func fields(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return append(audit.FieldNames(), "day", "hour"), noFile
}

// oneOfMany makes a completer offer values after a comma too.
func oneOfMany(complete completer) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		all, directive := complete(cmd, args, typed)
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		offered := make([]string, 0, len(all))
		for _, v := range all {
			if !slices.Contains(strings.Split(before, ","), v) {
				offered = append(offered, before+v)
			}
		}
		return offered, directive
	}
}

// expression offers the fields of an expression, and the words that a field of words can have.
func expression(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	field, _, hasValue := strings.Cut(typed, "=")
	if !hasValue {
		offered := audit.FieldNames()
		for i, f := range offered {
			offered[i] = f + "="
		}
		return offered, noFile | cobra.ShellCompDirectiveNoSpace
	}
	var offered []string
	add := func(word string) { offered = append(offered, field+"="+word) }
	switch field {
	case "decision":
		for _, o := range policy.Outcomes() {
			add(string(o))
		}
	case "reason":
		for _, r := range policy.Reasons() {
			add(r.String())
		}
	case "type":
		for _, t := range audit.Types() {
			add(string(t))
		}
	case "mode":
		for _, m := range []policy.Mode{policy.Enforce, policy.Learn} {
			add(m.String())
		}
	case "scheme":
		add("http")
		add("https")
	case "group":
		for _, g := range namesFor(cmd).Groups {
			add(g)
		}
	}
	return offered, noFile
}

// ids offers the ids of the last refused requests, with their hosts.
func ids(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	const most, records = 20, 2000
	dir := flagOf(cmd, "dir")
	if dir == "" {
		dir = logFor(flagOf(cmd, "config"))
	}
	var offered []string
	seen := map[string]bool{}
	for _, r := range audit.Glance(dir, records) {
		if len(offered) == most {
			break
		}
		if r.Type != audit.TypeDecision || r.Decision == policy.Allowed || seen[r.ID] || r.ID == "" {
			continue
		}
		seen[r.ID] = true
		offered = append(offered, cobra.CompletionWithDesc(r.ID, audit.Printable(r.Host+" "+r.Reason)))
	}
	return offered, noFile | cobra.ShellCompDirectiveKeepOrder
}

// logFor returns the directory of the log for a --config; empty if it is not known.
func logFor(flag string) string {
	path, err := configPath(flag)
	if err != nil {
		return ""
	}
	if path == "" {
		return builtInLog(audit.Options{}.WithDefaults()).Dir
	}
	o, err := config.ReadAudit(path)
	if err != nil {
		return ""
	}
	return o.Dir
}

// users offers the users of the dashboard.
func users(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	file, err := usersFile(flagOf(cmd, "config"))
	if err != nil {
		return nil, noFile
	}
	all, err := account.Read(file)
	if err != nil {
		return nil, noFile
	}
	var names []string
	for _, u := range all {
		names = append(names, u.Name)
	}
	return names, noFile
}
