package review

import (
	"fmt"
	"time"

	"webproxy/config"
	"webproxy/policy"
)

// StartPhase switches a phase on for length, and returns when it will end.
func StartPhase(configPath, phase string, length time.Duration, by, reason string) (until time.Time, err error) {
	switch {
	case configPath == "":
		return until, ErrBuiltIn
	case length <= 0:
		return until, fmt.Errorf("%s: want a positive time, such as 4h", length)
	}
	until = time.Now().Add(length).Truncate(time.Second)
	return until, config.StartPhase(configPath, phase, until, by, reason)
}

// StopPhase undoes StartPhase. It returns why the phase is still on; empty if it is off.
func StopPhase(configPath, phase string) (still string, err error) {
	if configPath == "" {
		return "", ErrBuiltIn
	}
	if err := config.StopPhase(configPath, phase); err != nil {
		return "", err
	}
	cfg, err := config.Load(configPath)
	if err != nil || !cfg.Set.PhaseOn(phase, time.Now()) {
		return "", nil // a configuration that does not load is not in force
	}
	return PhaseWhen(cfg.Policy.Phases[phase]), nil
}

// PhaseWhen says when a phase is on.
func PhaseWhen(p policy.PhaseSpec) string {
	switch {
	case p.Active:
		return "always"
	case !p.Until.IsZero():
		return "until " + p.Until.UTC().Format(time.RFC3339)
	case p.Schedule != "":
		return p.Schedule
	}
	return "when switched on"
}
