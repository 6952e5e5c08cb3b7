// Command webproxy is a forward proxy with an allowlist, for Azure Local behind a closed firewall.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	_ "time/tzdata" // schedules have time zones, and Windows has no database of them

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/hint"
)

// Exit codes. They are part of the command line's contract; see docs/cli.md.
const (
	exitOK        = 0
	exitRuntime   = 1 // something did not work
	exitUsage     = 2 // the command was not understood
	exitConfig    = 3 // the configuration is not valid
	exitNo        = 4 // the answer is no: denied, or a check that failed
	exitIntegrity = 5 // the audit log is not what was written
)

// version and commit are set by the linker: version in releases, commit by make build.
var (
	version = "devel"
	commit  = ""
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns its exit code. Answers go to stdout, everything else to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(newScreen(stdout, colourAuto, false))
	root.SetErr(newScreen(stderr, colourAuto, false))
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return tell(root.ErrOrStderr(), cmd, err)
}

// newRoot returns the root of all commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "webproxy",
		Short: "A forward proxy with an allowlist, for Azure Local behind a closed firewall",
		Long: `webproxy permits what its lists of endpoints name, refuses everything else with a reason, and records
both. Without a configuration file it enforces its built-in lists.

The configuration is the file of -c, else of the environment variable WEBPROXY_CONFIG, else webproxy.yaml in the
working directory, else that of an installed proxy: /etc/webproxy/webproxy.yaml, on Windows
%ProgramData%\webproxy\webproxy.yaml.

On a terminal, tables are fitted to its width (not with -w) and decisions are coloured (not with --color never, if NO_COLOR is set
or if TERM is dumb). Data (-o json and the like), files and pipes have no colour. webproxy completion SHELL prints a script by which bash,
zsh, fish or PowerShell complete commands, flags and values.

Exit codes: 0 done, 1 something did not work, 2 usage, 3 the configuration is not valid,
4 the answer is no (denied, or a check that failed), 5 the audit log is not what was written.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	asked := root.Flags().Bool("version", false, "print the version, as webproxy version does")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *asked {
			return writeVersion(cmd.OutOrStdout(), false)
		}
		return cmd.Help()
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newServe(), newBundle(), newFleet(), newInit(), newCA(), newCheck(), newClientConfig(), newCoverage(), newDiff(), newDoctor(), newEnforce(), newExplain(), newFirewall(), newWhy(), newAudit(), newLearn(), newLists(), newPhase(), newService(), newServiceTags(), newVersion(),
		newDashboard(), newReload(), newStatus(),
	)
	root.AddCommand(newAllow(), newLockdown())
	screenFlags(root)
	completions(root)
	nameArguments(root)
	checkReasons(root)
	return root
}

// tell prints what went wrong, and returns the exit code for it.
func tell(w io.Writer, cmd *cobra.Command, err error) int {
	var problems config.Problems
	var no noError
	var usage usageError
	var tampered integrityError
	var invalid configError
	switch {
	case errors.As(err, &problems):
		writeProblems(w, problems)
		return exitConfig
	case errors.As(err, &invalid):
		return exitConfig
	case errors.As(err, &no):
		return exitNo
	case errors.As(err, &tampered):
		return exitIntegrity
	case errors.As(err, &usage), isUsage(err):
		sayError(w, usageText(err))
		sayHint(w, "see "+cmd.CommandPath()+" --help")
		return exitUsage
	}
	sayError(w, err.Error())
	hint := hint.Of(err)
	if hint == "" && errors.Is(err, audit.ErrNoLog) {
		hint = noLogHint()
	}
	if hint != "" {
		sayHint(w, hint)
	}
	return exitRuntime
}

// A noError says that the command worked and its answer, which has been printed, is no.
type noError struct{}

func (noError) Error() string { return "the answer is no" }

// A usageError says that the command line was not understood.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }

// isUsage recognises cobra's own errors about commands and arguments, which have no type.
func isUsage(err error) bool {
	for _, start := range []string{"unknown command", "accepts ", "requires at least", "required flag", oneRequired, "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), start) {
			return true
		}
	}
	return false
}

// oneRequired begins cobra's error that none of several flags is set, "at least one of the flags in the group [for until] is required".
const oneRequired = "at least one of the flags in the group ["

// usageText is an error of the command line for people.
func usageText(err error) string {
	if names, ok := strings.CutPrefix(err.Error(), oneRequired); ok {
		if names, ok = strings.CutSuffix(names, "] is required"); ok {
			return "--" + strings.Join(strings.Fields(names), " or --") + " is missing"
		}
	}
	return err.Error()
}
