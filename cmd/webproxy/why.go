package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/policy"
)

func newWhy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID",
		Short: "Say why a recorded request was decided as it was, and what would change that",
		Long: `Why finds a decision in the audit log, by the id that the client was told, or the last refused one of a
client, and explains it: the reason as it was recorded, and, by the policy in the configuration as it is
now, what comes near and what would let the request through. It reads the log's files, so it works with
the proxy stopped. Exit code 4 means that the policy as it is now would still deny the request.`,
		Example: "  webproxy why 7Q3F9K\n  webproxy why --client 10.0.1.12 --since 5m",
		Args:    cobra.MaximumNArgs(1),
	}
	file := configFlag(cmd)
	client := cmd.Flags().String("client", "", "the last refused request of this `ADDRESS` instead of an ID")
	since := cmd.Flags().Duration("since", 0, "look back no further than this, such as 5m")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := whyQuery{}
		if *since > 0 {
			q.since = time.Now().Add(-*since)
		}
		switch {
		case len(args) == 1 && *client == "":
			q.id = strings.ToUpper(args[0])
		case len(args) == 0 && *client != "":
			addr, err := netip.ParseAddr(*client)
			if err != nil {
				return usageError{fmt.Errorf("--client %q: want an address", *client)}
			}
			q.client = addr.Unmap()
		default:
			return usageError{fmt.Errorf("want an ID or --client")}
		}
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		dir := cfg.Audit.WithDefaults().Dir
		r, err := q.find(dir, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return why(cmd.OutOrStdout(), cfg.Set, r)
	}
	return cmd
}

// A whyQuery says which decision is wanted: by id, or the last refused one of a client.
type whyQuery struct {
	id     string
	client netip.Addr
	since  time.Time
}

func (q whyQuery) matches(r *audit.Record) bool {
	if r.Type != audit.TypeDecision {
		return false
	}
	if q.id != "" {
		return r.ID == q.id
	}
	return r.Client == q.client && r.Decision != "allow"
}

// find returns the last decision that matches. That lines could not be read is said, since the one
// that was wanted may be among them.
func (q whyQuery) find(dir string, stderr io.Writer) (audit.Record, error) {
	var found audit.Record
	stats, err := audit.Scan(dir, audit.ScanOptions{Since: q.since}, func(r audit.Record) error {
		if q.matches(&r) {
			found = r
		}
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("read audit log: %w", err)
	}
	if stats.Unreadable > 0 {
		fmt.Fprintf(stderr, "webproxy: warning: %s of the audit log could not be read\n", plural(int(stats.Unreadable), "line"))
	}
	if found.Seq == 0 {
		return found, hintedError{
			fmt.Errorf("no such decision among %s in %s", plural(int(stats.Records), "record"), dir),
			"is this the configuration that the proxy runs with? See --config and --since",
		}
	}
	return found, nil
}

// why tells what was recorded, and what the policy of now says of the same request.
func why(w io.Writer, set *policy.Set, r audit.Record) error {
	group := r.Group
	if group == "" {
		group = "in no group"
	}
	fmt.Fprintf(w, "%s %s ago  %s (%s)  %s %s%s   policy %s  seq %d  id %s\n",
		map[string]string{"allow": "ALLOWED", "deny": "DENIED", "would_deny": "LET THROUGH (learn mode)"}[r.Decision],
		time.Since(r.Time).Round(time.Second), r.Client, group, r.Method, recordedTarget(&r), r.Path,
		strings.TrimPrefix(r.Policy, "sha256:"), r.Seq, r.ID)
	fmt.Fprintf(w, " reason  %s%s\n", r.Reason, recordedRule(&r))
	req, ok := recordedRequest(&r)
	if !ok {
		fmt.Fprintf(w, " note    it was not a request that a policy could judge: %s\n", r.Error)
		return nil
	}
	x := set.Explain(&req)
	heading := "now"
	if r.Policy != x.Policy() {
		heading = "now (another policy, " + strings.TrimPrefix(x.Policy(), "sha256:") + ")"
	}
	fmt.Fprintf(w, "%s: %s", heading, explainText(&x, &req))
	if !x.Permit {
		return noError{}
	}
	return nil
}

func recordedTarget(r *audit.Record) string {
	if r.Host == "" {
		return "-"
	}
	return r.Host + fmt.Sprintf(":%d", r.Port)
}

func recordedRule(r *audit.Record) string {
	if r.Rule == "" {
		return ""
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
