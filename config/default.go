package config

import (
	_ "embed"
	"time"
)

//go:embed default.yaml
var defaultYAML []byte

// builtIn is how problems and rules call the built-in configuration.
const builtIn = "built-in.yaml"

// LoadDefault returns the configuration that holds when there is no file: the document of
// December 2021 for Azure Stack HCI, whole, enforced, for clients with private and loopback addresses. Its paths
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
	l.applyLockdown()
	// What loading warns of is in lists that nobody can edit here; webproxy check tells it all the same.
	return l.cfg, nil
}
