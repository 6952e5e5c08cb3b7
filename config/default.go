package config

import (
	_ "embed"
	"time"
)

//go:embed default.yaml
var defaultYAML []byte

// builtIn is how problems and rules call the built-in configuration.
const builtIn = "built-in.yaml"

// LoadDefault returns the configuration that holds when there is no file: the lists hci, update and
// arc of the public cloud, enforced, for clients with private and loopback addresses. Its paths
// begin at the working directory.
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
	l.cfg.Warnings = l.warnings.sorted()
	return l.cfg, nil
}
