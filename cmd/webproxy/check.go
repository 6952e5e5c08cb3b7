package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/smallfile"
	"webproxy/internal/wording"
	"webproxy/lint"
	"webproxy/policy"
)

// checkFlags are the flags of check.
type checkFlags struct {
	config, audit, baseline      string
	strict, notes, writeBaseline bool
}

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and its lists, and run its tests",
		Long: `Check reads a configuration as serve does, with all lists it names, and runs its tests. It prints every
problem with its place; exit code 3 means that serve would not take it. Then it looks for what is valid
but probably wrong: wildcards that allow names of strangers, entries without effect, names that look like
others. docs/lint.md describes these findings. They are warnings, unless --strict makes them exit code 4.

A baseline is a file of accepted findings: write it once with --write-baseline, keep it beside
the configuration, and only new findings are reported.`,
		Example: "  webproxy check\n  webproxy check site/webproxy.yaml -o json\n  webproxy check --strict --baseline accepted.txt",
		Args:    cobra.MaximumNArgs(1),
	}
	var f checkFlags
	flags := cmd.Flags()
	config := configFlag(cmd)
	flags.BoolVar(&f.strict, "strict", false, "exit code 4 if there is a warning that is not accepted")
	flags.StringVar(&f.baseline, "baseline", "", "`FILE` of accepted findings")
	flags.BoolVar(&f.writeBaseline, "write-baseline", false, "accept all findings there are: write them to the file of --baseline")
	flags.BoolVar(&f.notes, "notes", false, "show notes too: findings about built-in lists, which you cannot change")
	flags.StringVar(&f.audit, "audit", "", "`DIR` of an audit log to look for narrower hosts in (default the configured one, if there is one; off for none)")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		f.config = *config
		if len(args) == 1 {
			f.config = args[0]
		}
		return f.run(cmd, asJSON)
	})
	toFile(cmd)
	return cmd
}

// A checkAnswer is what check prints as JSON.
type checkAnswer struct {
	OK       bool            `json:"ok"`
	Config   string          `json:"config"`
	Policy   string          `json:"policy,omitempty"`
	Entries  int             `json:"entries"`
	Problems config.Problems `json:"problems"` // and warnings, as loading gives them
	Findings []lint.Finding  `json:"findings"`
	Accepted int             `json:"accepted"` // findings in the baseline
	Stale    int             `json:"stale"`    // number of lines of the baseline without a finding
}

func (f *checkFlags) run(cmd *cobra.Command, asJSON bool) error {
	if f.writeBaseline && f.baseline == "" {
		return usageError{fmt.Errorf("--write-baseline: needs --baseline FILE to write to")}
	}
	var err error
	if f.config, err = configPath(f.config); err != nil {
		return err
	}
	cfg, err := openConfig(f.config)
	if err != nil {
		return f.invalid(cmd, err, asJSON)
	}
	base, err := f.readBaseline()
	if err != nil {
		return err
	}
	found, err := lint.Check(f.input(cfg))
	if err != nil {
		sayWarning(cmd.ErrOrStderr(), err.Error())
	}
	found = append(found, loadFindings(cfg.Warnings)...)
	f.showFiles(found)
	if f.writeBaseline {
		return f.accept(cmd, found)
	}
	open, accepted, stale := base.Split(found)
	warnings, notes := byLevel(open)
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), checkAnswer{
			OK: true, Config: f.config, Policy: cfg.Set.Digest(), Entries: cfg.Set.Len(),
			Problems: append(config.Problems{}, cfg.Warnings...), Findings: append([]lint.Finding{}, open...),
			Accepted: len(accepted), Stale: stale,
		})
	} else {
		shown := warnings
		if f.notes {
			shown = open
		}
		writeFindings(cmd, shown)
		io.WriteString(cmd.OutOrStdout(), aboutLine(cfg))
		fmt.Fprintln(cmd.OutOrStdout(), summary(cfg, len(warnings), len(notes), len(accepted), stale))
	}
	if err == nil && f.strict && len(warnings) > 0 {
		return noError{}
	}
	return err
}

// invalid reports a configuration that does not load: err, and with -o json the problems as data too.
func (f *checkFlags) invalid(cmd *cobra.Command, err error, asJSON bool) error {
	if !asJSON {
		return err
	}
	answer := checkAnswer{Config: f.config, Problems: config.Problems{}, Findings: []lint.Finding{}}
	if problems, ok := err.(config.Problems); ok {
		answer.Problems = problems
	}
	if werr := writeJSON(cmd.OutOrStdout(), answer); werr != nil {
		return werr
	}
	return err
}

// narrowerWithin is how far back the audit log is read for narrower hosts.
const narrowerWithin = 30 * 24 * time.Hour

// input returns the linter's input for cfg, with its files and its audit log.
func (f *checkFlags) input(cfg *config.Config) lint.Input {
	now := time.Now()
	in := lint.Input{Set: cfg.Set, Spec: &cfg.Policy, Now: now, Since: now.Add(-narrowerWithin), Log: f.audit}
	switch f.audit {
	case config.Off:
		in.Log = ""
	case "":
		if audit.HasLog(cfg.Audit.Dir) == nil {
			in.Log = cfg.Audit.Dir
		}
	}
	if cfg.Path != "" {
		in.Text = func(name string) ([]byte, error) {
			if name = filepath.FromSlash(name); !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(cfg.Path), name)
			}
			return os.ReadFile(name)
		}
	}
	return in
}

// showFiles makes the files of the findings, which are relative to the configuration's directory, relative to the working
// directory.
func (f *checkFlags) showFiles(found []lint.Finding) {
	dir := filepath.Dir(f.config)
	for i := range found {
		if name := &found[i].File; found[i].Code != lint.Config && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, filepath.FromSlash(*name))
		}
	}
}

// loadFindings returns the warnings of loading as findings, except those that the linter reports itself.
func loadFindings(warnings config.Problems) []lint.Finding {
	var found []lint.Finding
	for _, w := range warnings {
		if w.Finding != "" {
			continue
		}
		found = append(found, lint.Finding{
			Code: lint.Config, Level: lint.Warning, File: w.File, Line: w.Line, Column: w.Column,
			Field: strings.TrimPrefix(w.Path, "policy."), Entry: cmp.Or(w.Path, w.File), Reason: w.Msg, Fix: w.Hint,
		})
	}
	return found
}

// maxBaseline bounds a baseline, in bytes.
const maxBaseline = 32 << 20

func (f *checkFlags) readBaseline() (lint.Baseline, error) {
	if f.baseline == "" || f.writeBaseline {
		return lint.Baseline{}, nil
	}
	text, err := smallfile.Read(f.baseline, maxBaseline)
	if err == nil {
		text, err = smallfile.Text(text)
	}
	if err != nil {
		return lint.Baseline{}, hint.With(fmt.Errorf("read baseline: %w", err), "--write-baseline writes it")
	}
	base, err := lint.ReadBaseline(string(text))
	if err != nil {
		return base, fmt.Errorf("read baseline %s: %w", f.baseline, err)
	}
	return base, nil
}

// accept writes all warnings into the baseline.
func (f *checkFlags) accept(cmd *cobra.Command, found []lint.Finding) error {
	warnings, _ := byLevel(found)
	var b bytes.Buffer
	if err := lint.WriteBaseline(&b, warnings); err != nil {
		return err
	}
	if err := atomicfile.Write(f.baseline, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "accepted %s in %s\n", wording.Plural(len(warnings), "finding"), f.baseline)
	return nil
}

func byLevel(found []lint.Finding) (warnings, notes []lint.Finding) {
	for _, f := range found {
		if f.Level == lint.Warning {
			warnings = append(warnings, f)
		} else {
			notes = append(notes, f)
		}
	}
	return warnings, notes
}

// maxShown bounds the findings for people; JSON has all.
const maxShown = 100

// writeFindings writes the findings in the form of problems, each with its line.
func writeFindings(cmd *cobra.Command, found []lint.Finding) {
	w := cmd.ErrOrStderr()
	for i := range found[:min(len(found), maxShown)] {
		f := &found[i]
		msg := f.Reason
		if f.Code != lint.Config { // else as serve says it
			msg = fmt.Sprintf("%s: %s", f.Code, f.Reason)
		}
		if f.Level == lint.Note {
			msg = "note: " + msg
		}
		writeProblems(w, config.Problems{{
			File: f.File, Line: f.Line, Column: f.Column, Path: f.Field, Msg: msg, Hint: f.Fix, Warning: f.Level == lint.Warning,
			Text: f.Text(), Width: f.Width(),
		}})
	}
	sayMore(w, len(found)-maxShown)
}

// summary is the last line for a person.
func summary(cfg *config.Config, warnings, notes, accepted, stale int) string {
	tests := len(cfg.Policy.Tests.Allow) + len(cfg.Policy.Tests.Deny)
	s := fmt.Sprintf("ok: %s: %s from %s in force, %s passed, %s", cfg.Name(), wording.Plural(cfg.Set.Len(), "entry"),
		wording.Plural(len(cfg.Policy.Rules), "rule"), wording.Plural(tests, "test"), wording.Plural(warnings, "warning"))
	if accepted > 0 {
		s += fmt.Sprintf(", %d accepted", accepted)
	}
	if stale > 0 {
		s += fmt.Sprintf(", %d accepted that are gone (--write-baseline)", stale)
	}
	if notes > 0 {
		s += fmt.Sprintf(", %s (--notes)", wording.Plural(notes, "note"))
	}
	return s + ", policy " + policy.ShortDigest(cfg.Set.Digest())
}
