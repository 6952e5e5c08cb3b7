package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/internal/atomicfile"
	"webproxy/internal/spelling"
	"webproxy/policy"
)

// A StartedPhase is a phase that somebody switched on for a time, as phases.yaml contains it. That file is beside the
// configuration and is written by commands, so that they do not change files that people write.
type StartedPhase struct {
	Until  time.Time `yaml:"until"`
	By     string    `yaml:"by,omitempty"`
	Reason string    `yaml:"reason,omitempty"`
}

const phasesHeader = "# Phases that were switched on for a time. Written by webproxy phase start and phase stop.\n"

// StartPhase switches on the phase name of the configuration at configPath until a time, in place of what was set
// before. A running proxy applies it within a second. By and reason are kept with it, and must not be empty. The
// phase must be one of policy.phases.
func StartPhase(configPath, name string, until time.Time, by, reason string) error {
	if !until.After(time.Now()) {
		return fmt.Errorf("start phase %s: %s is past", name, until.Format(time.RFC3339))
	}
	for what, text := range map[string]string{"by": by, "reason": reason} {
		if msg, _, _ := badText(text); strings.TrimSpace(text) == "" || msg != "" || len(text) > 1000 {
			return fmt.Errorf("start phase %s: %s %q: want a few words", name, what, text)
		}
	}
	c, err := Load(configPath)
	if err != nil {
		return fmt.Errorf("start phase %s: %w", name, err)
	}
	if _, ok := c.Policy.Phases[name]; !ok {
		return fmt.Errorf("start phase %s: %s", name, unknownPhase(name, c.Policy.Phases))
	}
	return editPhases(configPath, func(started map[string]StartedPhase) {
		started[name] = StartedPhase{Until: until.UTC().Truncate(time.Second), By: by, Reason: reason}
	})
}

// StopPhase undoes StartPhase. It does nothing to a phase that is on for another reason. It works even if the
// configuration does not load.
func StopPhase(configPath, name string) error {
	if c, err := Load(configPath); err == nil {
		if _, ok := c.Policy.Phases[name]; !ok {
			return fmt.Errorf("stop phase %s: %s", name, unknownPhase(name, c.Policy.Phases))
		}
	}
	return editPhases(configPath, func(started map[string]StartedPhase) { delete(started, name) })
}

// editPhases applies edit to phases.yaml, and drops phases that have ended.
func editPhases(configPath string, edit func(map[string]StartedPhase)) error {
	path := filepath.Join(filepath.Dir(configPath), phasesFile)
	data, err := readFile(path, maxYAML)
	if err != nil && !errors.Is(err, errNoFile) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	started := map[string]StartedPhase{}
	if err == nil {
		var problems Problems
		if started, _, problems = parsePhases(path, data); len(problems) > 0 {
			return problems.sorted()
		}
	}
	now := time.Now()
	maps.DeleteFunc(started, func(_ string, p StartedPhase) bool { return !p.Until.After(now) })
	edit(started)
	text, err := yaml.Marshal(started)
	if err != nil {
		return fmt.Errorf("encode phases: %w", err)
	}
	return atomicfile.Write(path, append([]byte(phasesHeader), text...), 0o644)
}

// parsePhases reads data as a phases file called name.
func parsePhases(name string, data []byte) (map[string]StartedPhase, *decoder, Problems) {
	src, problems := newSource(name, string(data))
	if len(problems) > 0 {
		return nil, nil, problems
	}
	root, problems := parseYAML(src)
	if root == nil {
		return nil, nil, problems
	}
	started := map[string]StartedPhase{}
	d := &decoder{src: src, root: root}
	d.value(root, "", reflect.ValueOf(&started).Elem())
	for phase, p := range started {
		if p.Until.IsZero() && len(d.problems) == 0 {
			d.failAt(phase, "has no until", "")
		}
	}
	return started, d, append(problems, d.problems...)
}

// mergePhases switches on the phases of phases.yaml in l.cfg.Policy.
func (l *loader) mergePhases() {
	data, err := l.lib.read.read(filepath.Join(l.lib.dir, phasesFile), maxYAML)
	if errors.Is(err, errNoFile) {
		return
	}
	name := filepath.Join(l.lib.shown, phasesFile)
	if err != nil {
		l.problems = append(l.problems, Problem{File: name, Msg: err.Error()})
		return
	}
	started, d, problems := parsePhases(name, data)
	if len(problems) > 0 {
		l.problems = append(l.problems, problems...)
		return
	}
	l.cfg.Started = started
	for phase, p := range started {
		spec, known := l.cfg.Policy.Phases[phase]
		switch {
		case !p.Until.After(l.now): // it has ended: its name does not matter
		case !known && !l.failed("policy.phases"):
			d.failAt(phase, unknownPhase(phase, l.cfg.Policy.Phases), "")
		case p.Until.After(spec.Until):
			spec.Until = p.Until
			l.cfg.Policy.Phases[phase] = spec
		}
	}
	l.problems = append(l.problems, d.problems...)
}

// DecisionsPath is where decisions about proposals are kept, for the configuration at configPath.
func DecisionsPath(configPath string) string {
	return filepath.Join(filepath.Dir(configPath), decisionsFile)
}

// readDecisions reads learn.yaml too, so that a Watcher notices its changes. Problems in it do not affect the policy.
func (l *loader) readDecisions() {
	if data, err := l.lib.read.read(filepath.Join(l.lib.dir, decisionsFile), maxYAML); err == nil {
		l.cfg.Decisions = data
	}
}

func unknownPhase(name string, phases map[string]policy.PhaseSpec) string {
	known := slices.Sorted(maps.Keys(phases))
	switch near := spelling.Nearest(name, known); {
	case len(known) == 0:
		return "policy.phases names no phases"
	case near != "":
		return fmt.Sprintf("no phase %q in policy.phases; did you mean %q?", name, near)
	}
	return fmt.Sprintf("no phase %q in policy.phases, which has %s", name, strings.Join(known, ", "))
}
