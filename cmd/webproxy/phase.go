package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"webproxy/internal/setting"
	"webproxy/review"
)

func newPhase() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "phase",
		Short: "Switch a phase on for a time, or off again",
		Long: `A rule bound to a phase applies only while the phase is on. Phase start writes to phases.yaml beside the
configuration; a running proxy applies it within a second and records it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPhaseStart(), newPhaseStop(), newPhaseList())
	return cmd
}

func newPhaseStart() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "start NAME --for DURATION --reason TEXT",
		Short:   "Switch a phase on for a time",
		Example: "  webproxy phase start onboarding --for 4h --reason CHG-1042",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	forTime := cmd.Flags().String("for", "", "how long: a `TIME` such as 4h, 2d or 30m (required)")
	by, reason := actorFlags(cmd)
	cmd.MarkFlagRequired("for")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		length, err := forHowLong(*forTime)
		if err != nil {
			return err
		}
		path, err := ownConfigPath(*file, "file beside which phases could be kept")
		if err != nil {
			return err
		}
		*by = who(*by)
		until, err := review.StartPhase(path, args[0], length, *by, *reason)
		if err != nil {
			return err
		}
		until = until.UTC()
		fmt.Fprintf(cmd.ErrOrStderr(), "phase %s is on until %s\n", args[0], until.Format(time.RFC3339))
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), phaseChange{Config: shownPath(path), Phase: args[0], On: true, Until: until, By: *by, Reason: *reason})
		}
		return nil
	})
	return cmd
}

// forHowLong reads --for.
func forHowLong(s string) (time.Duration, error) {
	var d setting.Duration
	if err := d.UnmarshalText([]byte(s)); err == nil && d != setting.Off {
		return time.Duration(d), nil
	}
	return 0, usageError{fmt.Errorf("--for %s: want a positive time, such as 4h or 2d", s)}
}

func newPhaseStop() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop NAME",
		Short: "Switch off a phase that phase start switched on",
		Args:  cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		path, err := ownConfigPath(*file, "file beside which phases could be kept")
		if err != nil {
			return err
		}
		still, err := review.StopPhase(path, args[0])
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "phase %s is no longer switched on by hand\n", args[0])
		if still != "" {
			sayHint(cmd.ErrOrStderr(), fmt.Sprintf("it is still on: %s, says %s", still, path))
		}
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), phaseChange{Config: shownPath(path), Phase: args[0], On: still != "", When: still})
		}
		return nil
	})
	return cmd
}

// A phaseChange is what phase start and stop print as JSON.
type phaseChange struct {
	Config string    `json:"config"`
	Phase  string    `json:"phase"`
	On     bool      `json:"on"`
	When   string    `json:"when,omitempty"` // why it is still on after it was stopped
	Until  time.Time `json:"until,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

func newPhaseList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the phases, and which are on now",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		cfg, err := loadConfig(*file)
		if err != nil {
			return err
		}
		answer := phaseAnswer{Config: about(cfg), Phases: []phaseState{}}
		rows := [][]string{{"PHASE", "NOW", "WHEN"}}
		for _, name := range slices.Sorted(maps.Keys(cfg.Policy.Phases)) {
			spec := cfg.Policy.Phases[name]
			p := phaseState{Name: name, On: cfg.Set.PhaseOn(name, time.Now()), When: review.PhaseWhen(spec), Until: spec.Until}
			now := "off"
			if p.On {
				now = "on"
			}
			answer.Phases = append(answer.Phases, p)
			rows = append(rows, []string{name, now, p.When})
		}
		if !asJSON {
			io.WriteString(cmd.OutOrStdout(), aboutLine(cfg))
		}
		return writeAnswer(cmd.OutOrStdout(), asJSON, answer, rows)
	})
	return cmd
}

// A phaseAnswer is what phase list prints as JSON.
type phaseAnswer struct {
	Config string       `json:"config"`
	Phases []phaseState `json:"phases"`
}

// A phaseState is the current state of a phase.
type phaseState struct {
	Name  string    `json:"name"`
	On    bool      `json:"on"`
	When  string    `json:"when"`
	Until time.Time `json:"until,omitzero"`
}
