package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/learn"
)

// pastFile remembers, beside the configuration, what was rejected or put off.
const pastFile = "learn.yaml"

func pastPath(cfg *config.Config) string { return filepath.Join(filepath.Dir(cfg.Path), pastFile) }

// readPast reads what was decided before; with the built-in configuration that is nothing.
func readPast(cfg *config.Config) (learn.Past, error) {
	if cfg.Path == "" {
		return learn.Past{}, nil
	}
	data, err := os.ReadFile(pastPath(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return learn.Past{}, nil
	}
	if err != nil {
		return learn.Past{}, err
	}
	past, err := learn.ParsePast(data)
	if err != nil {
		return past, fmt.Errorf("%s: %w", pastPath(cfg), err)
	}
	return past, nil
}

// writeFlags say where approvals go.
type writeFlags struct{ list, by *string }

func addWriteFlags(cmd *cobra.Command) writeFlags {
	return writeFlags{
		list: cmd.Flags().String("list", "", "list `FILE` that approvals go to, as policy.rules names it (default: the first that holds for the group)"),
		by:   cmd.Flags().String("by", "", "who approves (default: the user who runs this)"),
	}
}

func newLearnApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Carry out the answers in a plan",
		Long: `Apply carries out the answers in a file that learn review --plan wrote: it adds approved entries to the list
file, with by, reason and expires, and keeps every other byte of it; it remembers what was rejected or put off
in learn.yaml. All of the plan holds, or nothing of it. What is approved already is passed over, so that a plan can
be applied twice.`,
		Args: cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	to := addWriteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return to.applyFile(cmd, *file, args[0]) }
	return cmd
}

// applyFile carries out the answers in the plan at path.
func (f writeFlags) applyFile(cmd *cobra.Command, configFile, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	plan, err := learn.ParsePlan(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	cfg, err := loadConfig(configFile)
	if err != nil {
		return err
	}
	return f.apply(cmd, cfg, plan.Items)
}

// An edit is what is to be added to one list file.
type edit struct {
	rule, file string // as the configuration names it
	lines      []string
	reasons    []string
}

// apply carries out the answers of items.
func (f writeFlags) apply(cmd *cobra.Command, cfg *config.Config, items []learn.Item) error {
	if cfg.Path == "" {
		return hintedError{errors.New("the built-in configuration has no list to add to"), "webproxy init writes a configuration to start from"}
	}
	if *f.by == "" {
		*f.by = userName()
	}
	past, err := readPast(cfg)
	if err != nil {
		return err
	}
	before := len(past.Decided)
	edits := map[string]*edit{}
	count := map[learn.Answer]int{}
	for _, item := range items {
		if item.By == "" {
			item.By = *f.by
		}
		count[item.Answer]++
		past.Remember(item, item.By, time.Now())
		if err := f.collect(cfg, item, edits); err != nil {
			return err
		}
	}
	added := 0
	for _, e := range edits {
		n, err := e.write(cmd, cfg, *f.by)
		if err != nil {
			return err
		}
		added += n
	}
	if before+len(past.Decided) > 0 {
		if err := writePast(cfg, past); err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "approved %d, rejected %d, snoozed %d, pending %d: %s added\n", count[learn.Approve]+count[learn.Narrow],
		count[learn.Reject], count[learn.Snooze], count[learn.Pending], plural(added, "line"))
	return nil
}

// collect adds the lines that item asks for to the edit of its list.
func (f writeFlags) collect(cfg *config.Config, item learn.Item, edits map[string]*edit) error {
	lines, err := item.Lines()
	if err != nil || len(lines) == 0 {
		return err
	}
	rule, file, err := f.listFor(cfg, item.Group)
	if err != nil {
		return err
	}
	e := edits[file]
	if e == nil {
		e = &edit{rule: rule, file: file}
		edits[file] = e
	}
	e.lines = append(e.lines, lines...)
	if !slices.Contains(e.reasons, item.Reason) {
		e.reasons = append(e.reasons, item.Reason)
	}
	return nil
}

// listFor is the list that what is approved for group goes to: the one of --list, else that of a rule for
// this group alone, else that of a rule for all groups.
func (f writeFlags) listFor(cfg *config.Config, group string) (rule, file string, err error) {
	best := 0
	for _, r := range cfg.Policy.Rules {
		rank := 0
		switch {
		case r.File == "" || r.Deny || *f.list != "" && r.File != *f.list:
		case len(r.For) == 1 && r.For[0] == group:
			rank = 3
		case len(r.For) == 0:
			rank = 2
		case slices.Contains(r.For, group):
			rank = 1
		}
		if rank > best {
			best, rule, file = rank, r.ID, r.File
		}
	}
	if best > 0 {
		return rule, file, nil
	}
	what := "no rule with a list file holds for group " + group
	if *f.list != "" {
		what = fmt.Sprintf("no rule that holds for group %s has the list file %s", group, *f.list)
	}
	return "", "", hintedError{errors.New(what), "add a rule to policy.rules: { id: approved, file: lists/approved.txt }"}
}

// write adds e's lines to its file, but for those it has, and records that. It returns how many were added.
func (e *edit) write(cmd *cobra.Command, cfg *config.Config, by string) (int, error) {
	path := filepath.FromSlash(e.file)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(cfg.Path), path)
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	var lines []string
	for _, l := range e.lines {
		if !learn.HasLine(data, l) && !learn.HasLine([]byte(strings.Join(lines, "\n")), l) {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return 0, nil
	}
	if err := atomicfile.Write(path, learn.AppendLines(data, lines), 0o644); err != nil {
		return 0, err
	}
	// What was written must load: a policy that does not is not taken over, and nothing would be approved.
	if _, err := config.Load(cfg.Path); err != nil {
		return 0, errors.Join(err, atomicfile.Write(path, data, 0o644))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: +%d\n", e.file, len(lines))
	e.record(cmd, cfg, by, lines)
	return len(lines), nil
}

// record appends an admin.approve record, if no proxy has the log open. One that does records the
// change itself, when it takes it over.
func (e *edit) record(cmd *cobra.Command, cfg *config.Config, by string, lines []string) {
	r := &audit.Record{
		Type: audit.TypeApprove, By: by, Added: lines, Ticket: strings.Join(e.reasons, "; "),
		Detail: fmt.Sprintf("%s added to %s", plural(len(lines), "line"), e.file),
	}
	seq, err := appendAdmin(cfg, r)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "no record of its own (%v): a running proxy records the change, with by and reason in the list, when it takes it over\n", err)
		return
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "record seq %d\n", seq)
}

// appendAdmin appends r to the audit log, and returns its number. It fails if the proxy has the log open.
func appendAdmin(cfg *config.Config, r *audit.Record) (uint64, error) {
	log, err := audit.Open(cfg.Audit)
	if err != nil {
		return 0, err
	}
	err = log.Append(r)
	return r.Seq, errors.Join(err, log.Close())
}

func writePast(cfg *config.Config, past learn.Past) error {
	data, err := past.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(pastPath(cfg), data, 0o644)
}
