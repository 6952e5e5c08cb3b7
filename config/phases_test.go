package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const withPhases = "policy: { phases: { onboarding: {}, updates: { until: 2020-01-01T00:00:00Z } }, rules: [] }\n"

func TestPhases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, withPhases)
	until := time.Now().Add(4 * time.Hour).Truncate(time.Second)
	must(t, StartPhase(path, "onboarding", until.Add(time.Hour), "alice", "CHG-1"))
	must(t, StartPhase(path, "onboarding", until, "bob", `CHG-2: "again" # not a comment`))
	must(t, StartPhase(path, "updates", until, "bob", "123"))
	c, err := Load(path)
	must(t, err)
	for _, name := range []string{"onboarding", "updates"} {
		if got := c.Policy.Phases[name].Until; !got.Equal(until) {
			t.Errorf("%s until %v, want %v", name, got, until)
		}
	}
	must(t, StopPhase(path, "updates"))
	must(t, StopPhase(path, "updates"))
	if err := StopPhase(path, "never-heard-of"); err == nil || !strings.Contains(err.Error(), "which has onboarding, updates") {
		t.Errorf("stop of a phase that there is not: %v", err)
	}
	c, err = Load(path)
	must(t, err)
	if got := c.Policy.Phases["updates"].Until; got.Year() != 2020 {
		t.Errorf("updates until %v, want what the configuration says", got)
	}
	must(t, StopPhase(path, "onboarding"))
	if _, err = Load(path); err != nil {
		t.Errorf("with no phase left: %v", err)
	}
}

// The later of both ends holds.
func TestPhasesOnlyExtend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, "policy: { phases: { onboarding: { until: 2099-01-01T00:00:00Z } }, rules: [] }\n")
	must(t, StartPhase(path, "onboarding", time.Now().Add(time.Hour), "alice", "CHG-1"))
	c, err := Load(path)
	must(t, err)
	if got := c.Policy.Phases["onboarding"].Until; got.Year() != 2099 {
		t.Errorf("onboarding until %v, want what the configuration says", got)
	}
}

func TestStartPhaseErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, withPhases)
	later := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		phase      string
		until      time.Time
		by, reason string
		want       string
	}{
		{"onbording", later, "alice", "CHG-1", `did you mean "onboarding"?`},
		{"nightly", later, "alice", "CHG-1", "which has onboarding, updates"},
		{"onboarding", time.Now().Add(-time.Minute), "alice", "CHG-1", "is past"},
		{"onboarding", later, "", "CHG-1", "by"},
		{"onboarding", later, "alice", " ", "reason"},
		{"onboarding", later, "alice", "\u202e", "reason"},
	} {
		err := StartPhase(path, tt.phase, tt.until, tt.by, tt.reason)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("StartPhase(%q, %q, %q): %v, want %q", tt.phase, tt.by, tt.reason, err, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), phasesFile)); !os.IsNotExist(err) {
		t.Errorf("phases.yaml: %v, want none", err)
	}
}

func TestPhasesFile(t *testing.T) {
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	for _, tt := range []struct{ text, want string }{
		{"onboarding: { until: " + later + " }\n", ""},
		{"gone: { until: 2020-01-01T00:00:00Z }\n", ""}, // over, so it does not matter that no one knows it
		{"gone: { until: " + later + " }\n", `phases.yaml:1:7: gone: no phase "gone"`},
		{"onboarding: {}\n", "phases.yaml:1:13: onboarding: has no until"},
		{"onboarding: { until: soon }\n", "phases.yaml:1:22: onboarding.until"},
		{"onboarding: { untill: " + later + " }\n", `did you mean "until"?`},
		{"", "phases.yaml: the file is empty"},
		{"onboarding: { until: 2099-01-01T00:00:00Z", "does not end"},
		{"- onboarding\n", "phases.yaml:1:1"},
	} {
		path := filepath.Join(t.TempDir(), "webproxy.yaml")
		put(t, path, withPhases)
		put(t, filepath.Join(filepath.Dir(path), phasesFile), tt.text)
		_, err := Load(path)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%q: %v", tt.text, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}
