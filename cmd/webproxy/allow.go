package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/review"
)

// allowFlags are the flags of allow.
type allowFlags struct {
	adminFlag
	writeFlags
	length               setting.Duration
	until, reason, group string
	back                 setting.Duration // how far back the log is replayed
	dry                  bool
}

// An allowAnswer is what allow prints as JSON.
type allowAnswer struct {
	Config string          `json:"config"`
	Entry  string          `json:"entry"` // the line of the list file
	File   string          `json:"file"`  // the list file, as the configuration names it
	Allows string          `json:"allows"`
	For    string          `json:"for"` // which client groups
	Until  time.Time       `json:"until"`
	State  string          `json:"state"`  // written, dry run, refused, or allowed already
	Asked  []explainAnswer `json:"asked"`  // requests that the entry is about: as it decides, or if they are allowed already, without it
	Safe   *review.Safe    `json:"safe"`   // refused requests of the log that it would have let through; null if it is not known
	Effect *effect         `json:"effect"` // null if nothing was written
}

func newAllow() *cobra.Command {
	f := &allowFlags{}
	cmd := &cobra.Command{
		Use:   "allow HOST --for DURATION --reason TEXT",
		Short: "Allow a host for a time",
		Long: `Allow adds an entry with an end to a list file: HOST is what a line of a list may name, a host, host:port, a wildcard, or a
URL. It first says what the entry would let through, and which refused requests of the log; then it writes
the entry with by, reason and expires, as learn apply does, has the running proxy reload, and waits until the entry is in
force. Without a running proxy it only writes the entry, and says so. A record of the audit log says who did it, and why.
Exit code 4 means that nothing was written: a rule denies the host, and no entry can beat it.`,
		Example: "  webproxy allow guestnotificationservice.azure.com --for 4h --reason CHG-1042\n  webproxy allow 'http://download.example.com/pub/*' --until 2026-12-31 --reason CHG-1050 --group nodes",
		Args:    cobra.ExactArgs(1),
	}
	f.adminFlag, f.writeFlags = addAdminFlag(cmd), addWriteFlags(cmd)
	cmd.Flags().TextVar(&f.length, "for", setting.Duration(0), "how long, a `DURATION` such as 4h or 2d")
	cmd.Flags().StringVar(&f.until, "until", "", "its end instead, a `TIME`: 2026-12-31 (the last day) or RFC 3339")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the record (required)")
	cmd.Flags().StringVar(&f.group, "group", "", "only for this client `GROUP`, if a list is for it alone (default: all groups)")
	f.back = setting.Duration(14 * 24 * time.Hour)
	cmd.Flags().TextVar(&f.back, "replay", f.back, "how far back to look for what it would have let through; off for not at all")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "say what it would let through, and write nothing")
	cmd.MarkFlagRequired("reason")
	cmd.MarkFlagsMutuallyExclusive("for", "until")
	cmd.MarkFlagsOneRequired("for", "until")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error { return f.run(cmd, args[0], asJSON) })
	return cmd
}

// end is when the entry ends.
func (f *allowFlags) end(now time.Time) (time.Time, error) {
	var until time.Time
	switch {
	case f.until != "":
		var x policy.Expiry
		if err := x.UnmarshalText([]byte(f.until)); err != nil {
			return until, usageError{fmt.Errorf("--until: %w", err)}
		}
		until = x.Time()
	case f.length <= 0:
		return until, usageError{errors.New("--for: want a length of time, such as 4h or 2d")}
	default:
		until = now.Add(time.Duration(f.length)).Truncate(time.Second)
	}
	if !until.After(now) {
		return until, usageError{fmt.Errorf("--until %s: that is past", f.until)}
	}
	return until, nil
}

func (f *allowFlags) run(cmd *cobra.Command, entry string, asJSON bool) error {
	now := time.Now()
	until, err := f.end(now)
	if err != nil {
		return err
	}
	if _, err := policy.ParseEntry(entry); err != nil {
		return usageError{fmt.Errorf("%q: %w", entry, err)}
	}
	cfg, err := loadConfig(*f.adminFlag.config)
	if err != nil {
		return err
	}
	if err := wantGroup(cfg.Set, "--group", f.group); err != nil {
		return err
	}
	a, err := f.writer(cfg).Allow(entry, f.group, f.reason, until)
	switch {
	case errors.Is(err, review.ErrBuiltIn):
		return builtInLacks("list to add to")
	case err != nil:
		return err
	}
	answer := allowAnswer{
		Config: about(cfg), Entry: a.Line, File: a.File, Allows: a.Breadth(), For: a.For(), Until: until.UTC(), Asked: []explainAnswer{},
	}
	return answerChange(cmd, asJSON, &answer, func(out io.Writer) error { return f.write(cmd, out, cfg, a, now, &answer) })
}

// write says what the entry would let through, and writes it unless it is a dry run; out is for people, answer for programs.
func (f *allowFlags) write(cmd *cobra.Command, out io.Writer, cfg *config.Config, a *review.Allowance, now time.Time, answer *allowAnswer) error {
	fmt.Fprint(out, aboutLine(cfg))
	if done, err := f.compare(out, cfg, a, now, answer); done || err != nil {
		return err
	}
	fmt.Fprintf(out, "allows   %s, for %s, until %s\n", answer.Allows, answer.For, answer.Until.Format("2006-01-02 15:04:05 UTC"))
	if f.back != setting.Off {
		safe, err := a.Replay(cfg.Audit.WithDefaults().Dir, f.back, now, watchReading(cmd.ErrOrStderr()))
		switch {
		case errors.Is(err, audit.ErrNoLog):
			fmt.Fprintf(out, "safe?    not known: %v\n", err)
		case err != nil:
			sayWarning(cmd.ErrOrStderr(), "not replayed: "+err.Error())
		default:
			answer.Safe = safe
			fmt.Fprintf(out, "safe?    replay %s: would newly allow %s\n", f.back, safe.Text())
		}
	}
	if f.dry {
		answer.State = "dry run"
		fmt.Fprintf(out, "dry run  would add to %s:  %s\n", a.File, a.Line)
		return nil
	}
	rec, err := a.Commit()
	if err != nil {
		return err
	}
	answer.State = "written"
	fmt.Fprintf(out, "written  %s:  %s\n", a.File, a.Line)
	answer.Effect, err = inForce(cmd, out, f.adminFlag, rec, a.Next.Set.Digest())
	return err
}

// compare says what the policy decides about the host without and with the entry. done is set if nothing is to be written.
func (f *allowFlags) compare(out io.Writer, cfg *config.Config, a *review.Allowance, now time.Time, answer *allowAnswer) (done bool, err error) {
	group := f.group
	if group == "" {
		if groups := cfg.Set.Groups(); len(groups) > 0 {
			group = groups[0].Name
		}
	}
	allowed := true
	for _, req := range a.Requests(group, now) {
		if d := cfg.Set.Decide(&req); d.Verdict != policy.Allow || a.Entry.Host.IsWildcard() {
			allowed = false
		}
		x := a.Next.Set.Explain(&req)
		answer.Asked = append(answer.Asked, (&question{cfg: a.Next}).answer(&x, &req))
		if x.Verdict != policy.Allow {
			answer.State = "refused"
			fmt.Fprintf(out, "%s  %s: %s: %s\n", paint(out, red, "refused"), req.Target, x.Reason, x.Why)
			for _, fix := range x.Fixes {
				fmt.Fprintf(out, "fix      %s\n", fix)
			}
			return true, noError{}
		}
	}
	if allowed {
		answer.State, answer.Asked = "allowed already", answer.Asked[:0]
		for _, req := range a.Requests(group, now) {
			x := cfg.Set.Explain(&req)
			answer.Asked = append(answer.Asked, (&question{cfg: cfg}).answer(&x, &req))
			fmt.Fprintf(out, "allowed already: %s: %s\n", req.Target, x.Why)
		}
	}
	return allowed, nil
}
