package install

import (
	"slices"
	"strings"
	"testing"
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
