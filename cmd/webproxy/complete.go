package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"webproxy/audit"
	"webproxy/audit/export"
	"webproxy/catalog"
	"webproxy/config"
	"webproxy/internal/account"
	"webproxy/policy"
)

// A completer offers completions of what is typed. It must be quick and must not print errors, even with an invalid configuration.
type completer = cobra.CompletionFunc

// noFile is the directive of a closed list of words.
const noFile = cobra.ShellCompDirectiveNoFileComp

// completions makes cmd and the commands below it offer values for their arguments and flags.
func completions(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		completions(sub)
	}
	path := strings.TrimPrefix(cmd.CommandPath(), "webproxy ")
	if args, ok := argumentValues[path]; ok {
		cmd.ValidArgsFunction = args.complete
	} else {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	visit := func(f *pflag.Flag) {
		if f.Value.Type() == "bool" {
			return
		}
		var complete completer
		kind, _ := pflag.UnquoteUsage(f)
		if complete = flagValues[path+" --"+f.Name]; complete == nil {
			complete = kindValues[kind]
		}
		switch {
		case complete != nil:
		case kind == "DIR" || kind == "DIRECTORY":
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
		case f.Name == "config":
			complete = files("yaml", "yml")
		case kind == "FILE" || kind == "FILES" || kind == "PATH":
			return // the shell's own
		case kind == "FORMAT":
			complete = words(formatsOf(f.Usage)...)
		default:
			complete = cobra.NoFileCompletions
		}
		cmd.RegisterFlagCompletionFunc(f.Name, begins(complete)) // the only error is that there is one already
	}
	cmd.Flags().VisitAll(visit)
	cmd.PersistentFlags().VisitAll(visit)
}

// kindValues are completers of flags, by the name of the value in their usage.
var kindValues = map[string]completer{
	"CANDIDATE": files("yaml", "yml"),
	"CLOUD":     words(catalog.Clouds()...),
	"FIELDS":    oneOfMany(fields),
	"GROUP":     groups,
	"LIST":      listsOrFiles,
	"REGION":    regions,
	"RELEASE":   words(catalog.Releases()...),
	"ROLE":      words("reader", "approver"),
	"WHEN":      words(colourAuto, colourAlways, colourNever),
	"WHAT":      words("newly-denied", "newly-allowed", "newly-denied,newly-allowed"),
}

// flagValues are completers of single flags, by command and name.
var flagValues = map[string]completer{
	"ca export --as":            words("pem", "der", "powershell"),
	"client-config --check":     cobra.NoFileCompletions, // a list of another kind
	"client-config --kind":      words("wininet", "winhttp", "env"),
	"explain --client":          groups,
	"explain --method":          words("CONNECT", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"),
	"init --clients":            cobra.NoFileCompletions, // new ones
	"learn review --plan":       cobra.NoFileCompletions, // a new file
	"lockdown --only":           rulesAndLists,
	"service install --clients": cobra.NoFileCompletions,
	"why --client":              groups,
}

// A values is the completers of a command's arguments, in their order; the last is that of all further ones if more is set.
type values struct {
	of   []completer
	more bool
}

func (v values) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	n := len(args)
	if v.more {
		n = min(n, len(v.of)-1)
	}
	if n >= len(v.of) {
		return nil, noFile
	}
	return begins(v.of[n])(cmd, args, typed)
}

// begins restricts a completer to values that begin with what was typed. Its directive about files is kept.
func begins(complete completer) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		all, directive := complete(cmd, args, typed)
		if directive&(cobra.ShellCompDirectiveFilterFileExt|cobra.ShellCompDirectiveFilterDirs) != 0 {
			return all, directive
		}
		return slices.DeleteFunc(slices.Clone(all), func(v string) bool { return !strings.HasPrefix(v, typed) }), directive
	}
}

func one(of ...completer) values  { return values{of: of} }
func many(of ...completer) values { return values{of: of, more: true} }

// argumentValues are the values of arguments, by command.
var argumentValues = map[string]values{
	"audit export":            many(expression),
	"audit prove":             one(ids),
	"audit query":             many(expression),
	"audit tail":              many(expression),
	"audit top":               many(expression),
	"audit verify":            one(cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)),
	"bundle diff":             one(files("bundle"), files("bundle")),
	"bundle make":             one(cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)),
	"bundle serve":            one(cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)),
	"bundle show":             one(files("bundle")),
	"bundle sign":             one(files("bundle")),
	"bundle take":             one(files("bundle")),
	"bundle verify":           one(files("bundle")),
	"check":                   one(files("yaml", "yml")),
	"dashboard user password": one(users),
	"dashboard user remove":   one(users),
	"dashboard user role":     one(users, words("reader", "approver")),
	"diff":                    one(files("yaml", "yml"), files("yaml", "yml")),
	"enforce":                 one(groups),
	"fleet query":             many(expression),
	"fleet replay":            one(files("bundle")),
	"fleet rollout":           one(files("bundle")),
	"learn apply":             one(files("yaml", "yml")),
	"lists check":             one(anyFile),
	"lists diff":              one(listsOrPolicy, listsOrPolicy),
	"lists fmt":               many(files("txt")),
	"lists import":            one(anyFile),
	"lists show":              one(listNames),
	"phase start":             one(phases),
	"phase stop":              one(phases),
	"servicetags import":      one(files("json")),
	"why":                     one(ids),
}

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
