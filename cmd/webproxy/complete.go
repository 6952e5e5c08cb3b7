package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"webproxy/catalog"
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
