package install

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/windows"
)

// What may be refused comes before the program is replaced: else the service of a refused upgrade has the new one at the next start.
func TestInstallChecksFirst(t *testing.T) {
	steps, err := Install(Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(what string) int {
		return slices.IndexFunc(steps, func(s Step) bool { return strings.HasPrefix(s.What, what) })
	}
	dirs, check, program := at("make "), at("check "), at("copy the program ")
	if dirs != 0 || check != 1 || program <= check {
		t.Errorf("the directories are made as step %d, checked as %d, and the program is copied as %d: %v", dirs, check, program, steps)
	}
}

// A service that makes progress may take any time; one that makes none is given up.
func TestAwaitState(t *testing.T) {
	for _, tt := range []struct {
		what     string
		every    time.Duration // between checkpoints; 0 for none
		stops    time.Duration
		want     uint32
		takes    time.Duration // at most
		hopeless bool
	}{
		{"a drain of five minutes", 5 * time.Second, 5 * time.Minute, windows.SERVICE_STOPPED, 5*time.Minute + time.Second, false},
		{"no checkpoint", 0, time.Hour, windows.SERVICE_STOP_PENDING, patience + time.Second, true},
		{"a short drain", 0, 30 * time.Second, windows.SERVICE_STOPPED, 31 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			status, err := awaitState(func() (windows.SERVICE_STATUS_PROCESS, error) {
				s := windows.SERVICE_STATUS_PROCESS{CurrentState: windows.SERVICE_STOP_PENDING}
				if tt.every > 0 {
					s.CheckPoint = uint32(time.Since(start) / tt.every)
				}
				if time.Since(start) >= tt.stops {
					s.CurrentState = windows.SERVICE_STOPPED
				}
				return s, nil
			}, windows.SERVICE_STOPPED)
			if took := time.Since(start); status.CurrentState != tt.want || (err != nil) != tt.hopeless || took > tt.takes {
				t.Errorf("%s: %s, %v after %v", tt.what, stateWord(status.CurrentState), err, took)
			}
		})
	}
}
