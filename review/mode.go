package review

import (
	"fmt"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/learn"
	"webproxy/policy"
)

// ModeOf returns the mode of a client group; enforce if there is no such group.
func ModeOf(set *policy.Set, group string) policy.Mode {
	for _, g := range set.Groups() {
		if g.Name == group {
			return g.Mode
		}
	}
	return policy.Enforce
}

// Enforcing returns the policy of cfg with every group in enforce mode. It fails if tests of the policy expect learn mode.
func Enforcing(cfg *config.Config) (*policy.Set, error) {
	var groups []string
	for _, g := range cfg.Set.Groups() {
		if g.Mode == policy.Learn {
			groups = append(groups, g.Name)
		}
	}
	if len(groups) == 0 || cfg.Path == "" {
		return cfg.Set, nil
	}
	c := newChange(cfg)
	text, err := c.read(cfg.Path)
	for i := 0; i < len(groups) && err == nil; i++ {
		text, err = learn.SetMode(text, groups[i], policy.Enforce)
	}
	if err != nil {
		return nil, err
	}
	candidate, err := config.LoadWith(cfg.Path, map[string][]byte{cfg.Path: text})
	if err != nil {
		return nil, err
	}
	return candidate.Set, nil
}

// A ModeSwitch is a change of the mode of one group. Nothing is written before Commit.
type ModeSwitch struct {
	Change
	Candidate *config.Config // the configuration with it
	group     string
	mode      policy.Mode
}

// SwitchMode prepares the change of a group's mode, in memory.
func SwitchMode(cfg *config.Config, group string, mode policy.Mode) (*ModeSwitch, error) {
	if cfg.Path == "" {
		return nil, ErrBuiltIn
	}
	c := newChange(cfg)
	data, err := c.read(cfg.Path)
	if err != nil {
		return nil, err
	}
	text, err := learn.SetMode(data, group, mode)
	if err != nil {
		return nil, err
	}
	c.files[cfg.Path] = text
	candidate, err := config.LoadWith(cfg.Path, c.files)
	if err != nil {
		return nil, err
	}
	if ModeOf(candidate.Set, group) != mode {
		return nil, fmt.Errorf("policy.modes of %s could not be set to %s; edit the file by hand", group, mode)
	}
	return &ModeSwitch{c, candidate, group, mode}, nil
}

// Ready replays the group's part of the log under the candidate, and says whether the group is ready to be switched. l must be
// of this group alone.
func (s *ModeSwitch) Ready(l *LearnInput) (learn.Readiness, *replay.Replay, error) {
	q, err := audit.ParseQuery("group = " + quote(s.group))
	if err != nil {
		return learn.Readiness{}, nil, err
	}
	r, err := l.Replay(s.Candidate.Set, q)
	if err != nil {
		return learn.Readiness{}, nil, err
	}
	params := l.Params()
	params.WhatIf = r
	return l.Groups[0].Ready(params), r, nil
}

// Sign adds to the change who made it, and why.
func (s *ModeSwitch) Sign(by, reason string) error {
	path := config.DecisionsPath(s.cfg.Path)
	data, err := s.read(path)
	if err != nil {
		return err
	}
	decisions, err := learn.ParseDecisions(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	decisions.SwitchedTo(s.group, learn.Switch{Mode: s.mode, By: by, Reason: reason, At: time.Now()})
	s.files[path], err = decisions.Encode()
	return err
}
