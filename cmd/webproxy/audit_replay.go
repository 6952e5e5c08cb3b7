package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/internal/wording"
	"webproxy/policy"
	"webproxy/review"
)

// replayFlags are the flags of audit replay.
type replayFlags struct {
	candidate, failOn string
	dir               *string
	window            window
}

func newAuditReplay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay --config CANDIDATE",
		Short: "Evaluate the recorded requests under another policy, and say what would change",
		Long: `Replay reads the audit log and evaluates each recorded request by the policy of the candidate, with the code
that evaluates live traffic: time, client, method, host, port and path are those of the record. A request that was
permitted and would be refused is newly denied, the reverse newly allowed. Requests that cannot be evaluated from
their records are counted by cause; docs/learning.md explains the causes. The log is the one that the candidate names, or --dir.
With --fail-on, exit code 4 means that there are such requests.`,
		Example: "  webproxy audit replay --config candidate.yaml --since 30d --fail-on newly-denied",
		Args:    cobra.NoArgs,
	}
	var f replayFlags
	flags := cmd.Flags()
	flags.StringVarP(&f.candidate, "config", "c", "", "the `CANDIDATE`: a configuration file (required)")
	f.dir = flags.String("dir", "", "`DIR` of the log, instead of the one in the candidate")
	f.window = windowFlags(cmd)
	flags.StringVar(&f.failOn, "fail-on", "", "`WHAT` makes the answer no: newly-denied, newly-allowed, or both by comma")
	cmd.MarkFlagRequired("config")
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error { return f.run(cmd, asJSON) })
	toFile(cmd)
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, asJSON bool) error {
	if err := f.checkFailOn(); err != nil {
		return err
	}
	cfg, err := config.Load(f.candidate)
	if err != nil {
		return err
	}
	dir := review.LogDir(cfg, *f.dir)
	since, until, err := f.window.times(time.Now())
	if err != nil {
		return err
	}
	replay, err := replayLog(cmd, dir, audit.ScanOptions{Since: since, Until: until}, cfg.Set)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), newReplayAnswer(replay, cfg.Set))
	} else {
		err = replayText(cmd.OutOrStdout(), replay)
	}
	if err == nil && f.fails(replay) {
		return noError{}
	}
	return err
}

func (f *replayFlags) failWords() []string {
	return strings.FieldsFunc(f.failOn, func(c rune) bool { return c == ',' })
}

func (f *replayFlags) checkFailOn() error {
	for _, word := range f.failWords() {
		if word != "newly-denied" && word != "newly-allowed" {
			return usageError{fmt.Errorf("--fail-on %q: want newly-denied or newly-allowed", word)}
		}
	}
	return nil
}

func (f *replayFlags) fails(r *replay.Replay) bool {
	return slices.ContainsFunc(f.failWords(), func(word string) bool {
		return word == "newly-denied" && r.NewlyDenied > 0 || word == "newly-allowed" && r.NewlyAllowed > 0
	})
}

// replayLog evaluates the log in dir under set, and reports on standard error what could not be read.
func replayLog(cmd *cobra.Command, dir string, o audit.ScanOptions, set *policy.Set) (*replay.Replay, error) {
	o.Progress = new(audit.Progress)
	stop := showProgress(cmd.ErrOrStderr(), "replay", o.Progress)
	replay, stats, err := replay.Log(dir, o, set)
	stop()
	sayIncomplete(cmd.ErrOrStderr(), &stats)
	return replay, err
}

// A replayAnswer is what audit replay prints as JSON.
type replayAnswer struct {
	Policy       string                    `json:"policy"`
	Requests     uint64                    `json:"requests"`
	Same         uint64                    `json:"same"`
	NewlyDenied  uint64                    `json:"newly_denied"`
	NewlyAllowed uint64                    `json:"newly_allowed"`
	Undialled    uint64                    `json:"undialled"`
	Listed       uint64                    `json:"listed"`
	Unlisted     uint64                    `json:"unlisted"`
	Unended      uint64                    `json:"unended"`
	NotEvaluated map[replay.Skipped]uint64 `json:"not_judged"`
	Changes      []*replay.Change          `json:"changes"`
}

func newReplayAnswer(r *replay.Replay, set *policy.Set) replayAnswer {
	return replayAnswer{
		set.Digest(), r.Requests, r.Same, r.NewlyDenied, r.NewlyAllowed, r.Undialled, r.Listed, r.Unlisted, r.Unfinished(),
		r.Skipped, r.Finish(),
	}
}

// replayRows bounds the rows of each kind for people; JSON has all.
const replayRows = 20

func replayText(w io.Writer, r *replay.Replay) error {
	changes := r.Finish()
	fmt.Fprintf(w, "%s: same %s  newly denied %s  newly allowed %s\n", wording.Amount(r.Requests, "request"), wording.Comma(r.Same),
		newly(r.NewlyDenied, changes, true), newly(r.NewlyAllowed, changes, false))
	for _, denied := range []bool{true, false} {
		if err := replayTable(w, changes, denied); err != nil {
			return err
		}
	}
	for _, n := range replayNotes(r) {
		fmt.Fprintln(w, " "+n)
	}
	return nil
}

// replayNotes returns notes beside the counts: changes without an effect, and what is not known.
func replayNotes(r *replay.Replay) []string {
	var notes []string
	if r.Listed > 0 {
		notes = append(notes, fmt.Sprintf("of the same, %s had been let through by learn mode and would be allowed by a rule", wording.Comma(r.Listed)))
	}
	if r.Unlisted > 0 {
		notes = append(notes, fmt.Sprintf("of the same, %s had been allowed by a rule and would be let through by learn mode only", wording.Comma(r.Unlisted)))
	}
	if r.Undialled > 0 {
		notes = append(notes, fmt.Sprintf("of the newly allowed, %s go to names whose address is not in the log: the guards on addresses still hold", wording.Comma(r.Undialled)))
	}
	if r.Unfinished() > 0 {
		notes = append(notes, fmt.Sprintf("%s were evaluated without the address they went to: their end is not in the log", wording.Amount(r.Unfinished(), "request")))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		if n := r.Skipped[why]; n > 0 {
			notes = append(notes, fmt.Sprintf("not evaluated, %s: %s", why, wording.Comma(n)))
		}
	}
	return notes
}

// newly is "946 (2 hosts)".
func newly(n uint64, changes []*replay.Change, denied bool) string {
	hosts := map[string]bool{}
	for _, c := range changes {
		if c.Denied() == denied {
			hosts[c.Host] = true
		}
	}
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%s (%s)", wording.Comma(n), wording.Plural(len(hosts), "host"))
}

// A changedHost is the changes of one endpoint, for people.
type changedHost struct {
	*replay.Change
	requests uint64
	clients  map[string]bool
	last     time.Time
}

// replayTable lists the endpoints whose decisions changed, with clients and rules.
func replayTable(w io.Writer, changes []*replay.Change, denied bool) error {
	type key struct {
		host, scheme, was, is string
		port                  uint16
	}
	found := map[key]*changedHost{}
	var order []*changedHost
	for _, c := range changes {
		if c.Denied() != denied {
			continue
		}
		k := key{c.Host, c.Scheme, rulingText(c.Was), rulingText(c.Is), c.Port}
		h := found[k]
		if h == nil {
			h = &changedHost{Change: c, clients: map[string]bool{}}
			found[k] = h
			order = append(order, h)
		}
		h.requests += c.Requests
		h.clients[c.Client.String()] = true
		if c.Last.After(h.last) {
			h.last = c.Last
		}
	}
	slices.SortStableFunc(order, func(a, b *changedHost) int { return cmp.Compare(b.requests, a.requests) })
	if len(order) == 0 {
		return nil
	}
	rows := [][]string{{changeTitle(denied), "REQUESTS", "CLIENTS", "LAST (UTC)", "WAS", "IS"}}
	for _, h := range order[:min(len(order), replayRows)] {
		rows = append(rows, []string{
			fmt.Sprintf("%s://%s:%d", h.Scheme, h.Host, h.Port), wording.Comma(h.requests), someNames(h.clients),
			h.last.UTC().Format("2006-01-02 15:04"), rulingText(h.Was), rulingText(h.Is),
		})
	}
	if err := writeTable(w, rows, "LAST (UTC)", "CLIENTS"); err != nil {
		return err
	}
	sayMore(w, len(order)-replayRows)
	return nil
}

// changeTitle is the title of a table of changes.
func changeTitle(denied bool) string {
	if denied {
		return "NEWLY DENIED"
	}
	return "NEWLY ALLOWED"
}

// rulingText is "deny host_not_listed", or "allow arc/his".
func rulingText(r replay.Ruling) string {
	if r.Decision == policy.Allowed {
		return "allow " + r.Rule
	}
	return strings.TrimSpace(string(r.Decision) + " " + r.Reason + " " + r.Rule)
}

// someNames returns the first names, and how many more there are.
func someNames(names map[string]bool) string {
	all := slices.Sorted(maps.Keys(names))
	const most = 4
	if len(all) > most {
		return fmt.Sprintf("%s +%d", strings.Join(all[:most], ","), len(all)-most)
	}
	return strings.Join(all, ",")
}
