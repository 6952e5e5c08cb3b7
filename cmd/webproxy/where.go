package main

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/review"
)

// systemConfig is the file of an installed proxy. The linker sets it in packages that keep it elsewhere than
// systemFile says.
var systemConfig = ""

// systemSocket is the admin socket of an installed proxy, if it is elsewhere than installedSocket says.
var systemSocket = ""

func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("config", "c", "", "configuration `FILE`, or built-in; without it $WEBPROXY_CONFIG, webproxy.yaml here, the system's, or else the built-in one")
}

// configPath returns the file of --config, else the first file that is found; empty for the built-in configuration.
func configPath(flag string) (string, error) {
	path, err := config.Search{
		Flag: flag, Env: os.Getenv(config.PathVariable),
		Here: config.FileName, System: cmp.Or(systemConfig, systemFile()),
	}.Find()
	if err != nil {
		err = hint.With(err, "ask as a user who may read it, or name a configuration: -c FILE, or -c "+config.BuiltIn)
	}
	return path, err
}

// ownConfigPath is configPath for a command that writes what, a file beside the configuration: the built-in one has no place for it.
func ownConfigPath(flag, what string) (string, error) {
	path, err := configPath(flag)
	if err == nil && path == "" {
		err = builtInLacks(what)
	}
	return path, err
}

// loadConfig reads the configuration of --config.
func loadConfig(flag string) (*config.Config, error) {
	path, err := configPath(flag)
	if err != nil {
		return nil, err
	}
	return openConfig(path)
}

// openConfig reads the configuration at a path that configPath returned.
func openConfig(path string) (*config.Config, error) {
	if path == "" {
		return config.LoadDefault()
	}
	return config.Load(path)
}

// about names the configuration for the first line of an answer.
func about(cfg *config.Config) string {
	if cfg.Path == "" {
		return "built-in configuration"
	}
	return shownPath(cfg.Path)
}

// shownPath is path as a person in the working directory would write it.
func shownPath(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// aboutLine is the first line of a table about cfg.
func aboutLine(cfg *config.Config) string { return "configuration: " + about(cfg) + "\n" }

// withConfig returns a suggested command with the same --config.
func withConfig(command, flag string) string {
	if flag == "" {
		return command
	}
	return command + " -c " + review.ShellWord(flag)
}
