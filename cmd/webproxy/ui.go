package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func sayError(w io.Writer, msg string) {
	fmt.Fprintln(w, "webproxy: "+paint(w, red, "error:")+" "+paintCarets(w, msg))
}

// writeProblems writes problems with their lines, and marks below the wrong parts.
func writeProblems(w io.Writer, problems config.Problems) {
	var b strings.Builder
	problems.Write(&b) // a Builder takes everything
	io.WriteString(w, paintCarets(w, b.String()))
}

func sayHint(w io.Writer, msg string) { fmt.Fprintln(w, "webproxy: hint: "+msg) }

// sayMore says how many rows were left out, if more is positive.
func sayMore(w io.Writer, more int) {
	if more > 0 {
		fmt.Fprintf(w, "and %d more; -o json has all\n", more)
	}
}

// runFormatted adds -o, table or json, to cmd, and makes run what it does.
func runFormatted(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, asJSON bool) error) {
	format := cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table or json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := wantOutput(*format, "table", "json"); err != nil {
			return err
		}
		return run(cmd, args, *format == "json")
	}
}

// wantOutput checks -o against the formats of a command.
func wantOutput(format string, formats ...string) error {
	if slices.Contains(formats, format) {
		return nil
	}
	return usageError{fmt.Errorf("output format %q: want %s", format, wording.Or(formats...))}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// writeAnswer writes an answer: for programs data, for people rows, as writeTable does.
func writeAnswer(w io.Writer, asJSON bool, data any, rows [][]string, drop ...string) error {
	if asJSON {
		return writeJSON(w, data)
	}
	return writeTable(w, rows, drop...)
}

// shortDigest is a policy's digest as people are shown it in a line, without the name of the hash.
func shortDigest(digest string) string {
	return strings.TrimPrefix(policy.ShortDigest(digest), "sha256:")
}

// actorFlags are --by and --reason, which every change by hand asks for.
func actorFlags(cmd *cobra.Command) (by, reason *string) {
	reason = cmd.Flags().String("reason", "", "why, for the record (required)")
	by = cmd.Flags().String("by", "", "who (default: the user who runs this)")
	cmd.MarkFlagRequired("reason")
	return by, reason
}

// who is the person in whose name a change is made: that of --by, else the user who runs this.
func who(by string) string {
	if by != "" {
		return by
	}
	return userName()
}

// userName is the user who runs this.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// builtInLacks is the error of a command that changes what the built-in configuration does not have.
func builtInLacks(what string) error {
	return hint.With(errors.New("the built-in configuration has no "+what), "webproxy init writes a configuration to start from")
}

// checkReasons makes every command below cmd that has --reason refuse an empty reason and the placeholder.
func checkReasons(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil && cmd.Flags().Lookup("reason") != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if f := cmd.Flags().Lookup("reason"); f.Changed {
				if err := checkReason(f.Value.String()); err != nil {
					return err
				}
			}
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		checkReasons(sub)
	}
}

// checkReason refuses an empty reason, and the placeholder for a reason in suggested commands.
func checkReason(reason string) error {
	switch strings.TrimSpace(reason) {
	case "":
		return usageError{errors.New("--reason is empty: say why, such as a ticket")}
	case policy.Placeholder:
		return usageError{fmt.Errorf("--reason %s: that is a placeholder: write the ticket, or why", reason)}
	}
	return nil
}

// sayIncomplete reports on stderr which parts of the log could not be read, so that missing records are not taken for
// requests that were not made.
func sayIncomplete(w io.Writer, stats *audit.Stats) {
	if text := stats.Incomplete(); text != "" {
		sayWarning(w, "the log is incomplete: "+audit.Printable(text))
	}
}

func sayWarning(w io.Writer, msg string) {
	fmt.Fprintln(w, "webproxy: "+paint(w, yellow, "warning:")+" "+msg)
}
