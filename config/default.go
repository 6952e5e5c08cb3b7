package config

import (
	_ "embed"
	"time"
)

//go:embed default.yaml
var defaultYAML []byte

// builtIn is the name of the built-in configuration in problems and rules.
const builtIn = "built-in.yaml"

// LoadDefault returns the configuration that holds when there is no file: the whole document of December 2021 for
// Azure Stack HCI, enforced, for clients with private and loopback addresses. Its paths begin at the working
// directory.
func LoadDefault() (*Config, error) {
	l := &loader{
		cfg: &Config{read: new(reader)},
		now: time.Now(),
		lib: &library{read: new(reader)},
	}
	l.run(builtIn, defaultYAML)
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	l.applyLockdown()
	// Warnings of loading are about lists that cannot be edited here; webproxy check prints them.
	return l.cfg, nil
}
