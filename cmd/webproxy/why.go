package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/internal/hint"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func newWhy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID",
		Short: "Say why a recorded request was decided as it was, and what would change that",
		Long: `Why finds a decision in the audit log, by the id that the client was told, or the last refused one of a
client, and explains it: the reason as it was recorded, and, by the policy in the configuration as it is
now, what comes near, what would let the request through, and which other requests of the log that
would have let through as well. It reads the log's files, so it works with
the proxy stopped. Exit code 4 means that the policy as it is now would still deny the request.`,
		Example: "  webproxy why 7Q3F9K\n  webproxy why --client 10.0.1.12 --since 5m",
		Args:    cobra.MaximumNArgs(1),
	}
	log := auditLogFlags(cmd)
	client := cmd.Flags().String("client", "", "the last refused request of this `ADDRESS`, or name, instead of an ID")
	since := cmd.Flags().String("since", "", "look back no further than this `TIME`, such as 5m or 2026-10-01")
	within := cmd.Flags().String("replay", "14d", "how far back to look for what a fix would have let through; off for not at all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, err := parseWhen("since", *since, time.Now())
		if err != nil {
			return err
		}
		q, err := whyExpression(args, *client)
		if err != nil {
			return usageError{err}
		}
		var back setting.Duration
		if err := back.UnmarshalText([]byte(*within)); err != nil {
			return usageError{fmt.Errorf("--replay: %w", err)}
		}
		cfg, err := loadConfig(*log.config)
		if err != nil {
			return err
		}
		dir := *log.dir
		if dir == "" {
			dir = cfg.Audit.WithDefaults().Dir
		}
		found, err := findDecision(dir, q, from, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		w := whyAnswer{cfg: cfg, dir: dir, found: found, back: back}
		return w.write(cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// whyExpression is the expression for what is wanted: a request by id, or the refusals of a client.
func whyExpression(args []string, client string) (*audit.Query, error) {
	switch {
	case len(args) == 1 && client == "":
		return audit.ParseQuery(fmt.Sprintf("id = %s and type in (egress.decision, egress.repeat, egress.close)", quote(strings.ToUpper(args[0]))))
	case len(args) == 0 && client != "":
		field := "client_name"
		if _, err := netip.ParseAddr(client); err == nil {
			field = "client"
		}
		return audit.ParseQuery(fmt.Sprintf("%s = %s and decision in (deny, would_deny)", field, quote(client)))
	}
	return nil, fmt.Errorf("want an ID or --client")
}

// quote is s as a value of an expression.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// A foundDecision is a request as the log has it.
type foundDecision struct {
	audit.Record
	// late is its close record, if that says what the decision record could not: that it was refused when
	// its address was known.
	late bool
	// end is its close record, nil if it has none.
	end *audit.Record
	// repeats is how many more there were like it, which were counted under its id; last is the time of the last.
	repeats int64
	last    time.Time
}

// repeatedBy reports whether r counts more denials of the same request.
func (f *foundDecision) repeatedBy(r *audit.Record) bool {
	return r.Type == audit.TypeRepeat && r.Hosts == 0 && f.Type == audit.TypeDecision && r.ID == f.ID && r.Host == f.Host
}

// findDecision returns the last request that q matches. That lines could not be read is said, since the one
// that was wanted may be among them.
func findDecision(dir string, q *audit.Query, since time.Time, stderr io.Writer) (foundDecision, error) {
	var found foundDecision
	o := audit.ScanOptions{Since: since, Where: q, Progress: new(audit.Progress)}
	stop := showProgress(stderr, "searching", o.Progress)
	stats, err := audit.Scan(dir, o, func(r audit.Record) error {
		switch {
		case found.repeatedBy(&r):
			found.repeats += r.Count
			found.last = r.Last
		case r.Type == audit.TypeClose && r.ID == found.ID:
			found.end = &r
			found.late = r.Decision == "deny" && found.Decision != "deny"
		case r.Type != audit.TypeClose || r.Decision == "deny":
			found = foundDecision{Record: r}
		}
		return nil
	})
	stop()
	if errors.Is(err, fs.ErrNotExist) {
		return found, hint.With(fmt.Errorf("no audit log in %s", dir), "run it where the proxy runs, or name its configuration with -c")
	}
	if err != nil {
		return found, fmt.Errorf("read audit log: %w", err)
	}
	sayIncomplete(stderr, &stats)
	if found.Seq == 0 {
		return found, hint.With(
			fmt.Errorf("no such decision among %s in %s", wording.Plural(int(stats.Records), "record"), dir),
			"is this the configuration that the proxy runs with? See --config and --since",
		)
	}
	return found, nil
}

// judged is the record that has the last word on the request.
func (f *foundDecision) judged() *audit.Record {
	if f.late {
		return f.end
	}
	return &f.Record
}

// headline is the request on one line.
func (f *foundDecision) headline(now time.Time) string {
	r := f.judged()
	group := r.Group
	if group == "" {
		group = "in no group"
	}
	client := clientText(r)
	if r.ClientName != "" {
		client = r.ClientName + " (" + client + ", " + group + ")"
	} else {
		client += " (" + group + ")"
	}
	times, at := "", r.Time
	switch {
	case r.Type == audit.TypeRepeat:
		times, at = fmt.Sprintf("%d times, the last ", r.Count), r.Last
	case f.repeats > 0:
		times, at = fmt.Sprintf("%d times, the last ", f.repeats+1), f.last
	}
	word := map[string]string{"allow": "ALLOWED", "would_deny": "LET THROUGH (learn mode)"}[r.Decision]
	if word == "" {
		word = "DENIED"
	}
	return audit.Printable(fmt.Sprintf("%s %s%s ago  %s  %s %s%s   policy %s  seq %d  id %s",
		word, times, now.Sub(at).Round(time.Second), client, r.Method, recordedTarget(r), r.Path,
		shortDigest(f.Policy), r.Seq, r.ID))
}

func recordedTarget(r *audit.Record) string {
	switch {
	case r.Host == "" && r.Hosts > 0: // counted, whatever the host
		return wording.Plural(r.Hosts, "host")
	case r.Host == "":
		return "-"
	}
	if strings.Contains(r.Host, ":") {
		return fmt.Sprintf("[%s]:%d", r.Host, r.Port)
	}
	return fmt.Sprintf("%s:%d", r.Host, r.Port)
}

func recordedRule(r *audit.Record) string {
	switch {
	case r.Rule == "":
		return ""
	case r.RuleSource == "":
		return ": " + r.Rule
	}
	return fmt.Sprintf(": %s (%s)", r.Rule, r.RuleSource)
}

// recordedRequest is the request of a record, made now. It is false for what was no request.
func recordedRequest(r *audit.Record) (policy.Request, bool) {
	var scheme policy.Scheme
	if scheme.UnmarshalText([]byte(r.Scheme)) != nil {
		return policy.Request{}, false
	}
	authority := r.Host
	if strings.Contains(authority, ":") {
		authority = "[" + authority + "]"
	}
	t, err := policy.ParseTarget(scheme, fmt.Sprintf("%s:%d", authority, r.Port))
	if err != nil {
		return policy.Request{}, false
	}
	return policy.Request{Time: time.Now(), Client: r.Client, Method: r.Method, Target: t, Path: r.Path}, true
}
