package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/policy"
)

func sayError(w io.Writer, msg string) { fmt.Fprintln(w, "webproxy: error: "+msg) }
func sayHint(w io.Writer, msg string)  { fmt.Fprintln(w, "webproxy: hint: "+msg) }

// defaultConfigFile is read when --config is not given and it exists.
const defaultConfigFile = "webproxy.yaml"

func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("config", "c", "", "configuration `FILE`; without it webproxy.yaml here, or else the built-in defaults")
}

// configPath is the file that --config means; empty for the built-in configuration.
func configPath(flag string) string {
	if flag != "" {
		return flag
	}
	if _, err := os.Lstat(defaultConfigFile); err == nil {
		return defaultConfigFile
	}
	return ""
}

// loadConfig reads the configuration that --config means.
func loadConfig(flag string) (*config.Config, error) {
	path := configPath(flag)
	if path == "" {
		return config.LoadDefault()
	}
	return config.Load(path)
}

// outputFlag adds -o; check it with isJSON.
func outputFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("output", "o", "table", "`FORMAT` of the answer: table or json")
}

func isJSON(format string) (bool, error) {
	switch format {
	case "table":
		return false, nil
	case "json":
		return true, nil
	}
	return false, usageError{fmt.Errorf("output format %q: want table or json", format)}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// shortDigest is a policy's digest as people are shown it in a line, without the name of the hash.
func shortDigest(digest string) string {
	return strings.TrimPrefix(policy.ShortDigest(digest), "sha256:")
}

// writeTable writes rows in columns; the first is the heading.
func writeTable(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(tw, strings.Join(r, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}
