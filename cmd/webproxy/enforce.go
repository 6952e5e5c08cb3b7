package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/learn"
	"webproxy/policy"
)

func newEnforce() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enforce GROUP",
		Short: "Switch a client group from learn mode to enforcing, after a what-if",
		Long: `Enforce says what enforcing would have denied of the requests in the log, and sets policy.modes in the
configuration; nothing else of the file changes, and a running proxy takes it over within a second. It refuses as long as
the group's learning is not stable, unless --force is given. Exit code 4 means that it refused.`,
		Example: "  webproxy enforce nodes\n  webproxy enforce nodes --dry-run",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	dir := cmd.Flags().String("dir", "", "`DIR` of the log, instead of the one in the configuration")
	win := windowFlags(cmd)
	force := cmd.Flags().Bool("force", false, "switch even if the learning is not stable")
	dry := cmd.Flags().Bool("dry-run", false, "say what would be, and change nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f := learnFlags{config: file, dir: dir, group: &args[0], window: win}
		return enforce(cmd, f, *force, *dry)
	}
	return cmd
}

func enforce(cmd *cobra.Command, f learnFlags, force, dry bool) error {
	path := configPath(*f.config)
	if path == "" {
		return hintedError{errors.New("the built-in configuration has no mode to switch"), "webproxy init writes a configuration to start from"}
	}
	l, err := f.read(cmd)
	if err != nil {
		return err
	}
	group := *f.group
	if modeOf(l.cfg.Set, group) == policy.Enforce {
		fmt.Fprintf(cmd.ErrOrStderr(), "group %s is enforcing already\n", group)
		return nil
	}
	text, candidate, err := withMode(path, group, policy.Enforce)
	if err != nil {
		return err
	}
	ready := l.groups[0].Ready(l.params())
	if err := l.sayWhatIf(cmd, f, candidate, ready); err != nil {
		return err
	}
	if !ready.Ready() && !force {
		sayError(cmd.ErrOrStderr(), fmt.Sprintf("group %s is %s: %s", group, ready.State, strings.Join(ready.Missing, "; ")))
		sayHint(cmd.ErrOrStderr(), "wait, review what is new, or give --force")
		return noError{}
	}
	if dry {
		return nil
	}
	if err := atomicfile.Write(path, text, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "group %s enforces now; policy.modes in %s is changed\n", group, filepath.Base(path))
	recordMode(cmd, l.cfg, group, ready)
	return nil
}

func modeOf(set *policy.Set, group string) policy.Mode {
	for _, g := range set.Groups() {
		if g.Name == group {
			return g.Mode
		}
	}
	return policy.Enforce
}

// withMode is the configuration at path with the mode of group changed: its text, and what it means.
func withMode(path, group string, mode policy.Mode) ([]byte, *config.Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	text, err := learn.SetMode(data, group, mode)
	if err != nil {
		return nil, nil, err
	}
	// It is loaded from a file beside the real one, so that lists are found: what is written must be valid.
	try, err := os.CreateTemp(filepath.Dir(path), ".webproxy-*.yaml")
	if err != nil {
		return nil, nil, err
	}
	defer os.Remove(try.Name())
	_, err = try.Write(text)
	if err = errors.Join(err, try.Close()); err != nil {
		return nil, nil, err
	}
	cfg, err := config.Load(try.Name())
	if err != nil {
		return nil, nil, err
	}
	if modeOf(cfg.Set, group) != mode {
		return nil, nil, fmt.Errorf("policy.modes of %s could not be set to %s; edit the file by hand", group, mode)
	}
	return text, cfg, nil
}

// sayWhatIf replays the log under the candidate, and says what it could not know.
func (l *lesson) sayWhatIf(cmd *cobra.Command, f learnFlags, candidate *config.Config, ready learn.Readiness) error {
	since, until, err := f.window.times(l.now)
	if err != nil {
		return err
	}
	dir := *f.dir
	if dir == "" {
		dir = l.cfg.Audit.WithDefaults().Dir
	}
	query, err := audit.ParseQuery("group = " + ready.Group)
	if err != nil {
		return err
	}
	replay, err := replayLog(cmd, dir, audit.ScanOptions{Since: since, Until: until, Where: query}, candidate.Set)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "what-if over %s: ", days(l.seen.Last.Sub(l.seen.First)))
	if err := replayText(w, replay); err != nil {
		return err
	}
	if window := l.seen.Last.Sub(l.seen.First); window < 35*24*time.Hour {
		fmt.Fprintf(w, " the log is of %s: what is done once a month may not be in it\n", days(window))
	}
	for _, phase := range ready.Idle {
		fmt.Fprintf(w, " phase %s was never exercised\n", phase)
	}
	return nil
}

// recordMode appends an admin.mode record, if no proxy has the log open.
func recordMode(cmd *cobra.Command, cfg *config.Config, group string, ready learn.Readiness) {
	seq, err := appendAdmin(cfg, &audit.Record{
		Type: audit.TypeMode, Group: group, Mode: policy.Enforce.String(), By: userName(),
		Detail: fmt.Sprintf("group %s: learn -> enforce, its learning was %s", group, ready.State),
	})
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "no record of its own (%v): a running proxy records the change when it takes it over\n", err)
		return
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "record seq %d\n", seq)
}
