package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const (
	// FileName is the name of the file in the directory where a command is run, and in the system's.
	FileName = "webproxy.yaml"
	// PathVariable is the environment variable with the path of the configuration for commands.
	PathVariable = "WEBPROXY_CONFIG"
	// BuiltIn is the word for the built-in configuration, in place of the path of a file.
	BuiltIn = "built-in"
)

// A Search says where the configuration for a command may be. The first of its fields that names one counts.
type Search struct {
	Flag   string // of the command line: a path, BuiltIn, or "" for none
	Env    string // the value of PathVariable: the same
	Here   string // a file that counts if it is there; "" for none
	System string // the same: of an installed proxy
}

// Find returns the path of the configuration; it is empty for the built-in one. Whether an explicit path leads to a
// file is checked by Load. If it is unknown whether a file exists, that is an error: the answer for another
// configuration would be wrong.
func (s Search) Find() (string, error) {
	for _, given := range []string{s.Flag, s.Env} {
		switch given {
		case "":
		case BuiltIn:
			return "", nil
		default:
			return given, nil
		}
	}
	for _, path := range []string{s.Here, s.System} {
		if path == "" {
			continue
		}
		switch _, err := os.Stat(path); {
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("look for a configuration: %w", err)
		}
		if _, err := os.Lstat(path); err == nil {
			return path, nil // a dangling link: Load reports it
		}
	}
	return "", nil
}
