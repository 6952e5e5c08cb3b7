package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
)

func newVersion() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the newest generation of the built-in lists",
		Args:  cobra.NoArgs,
	}
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		return writeVersion(cmd.OutOrStdout(), asJSON)
	})
	return cmd
}

// A versionAnswer is what version prints as JSON.
type versionAnswer struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Lists   string `json:"lists"` // their newest generation
}

func writeVersion(w io.Writer, asJSON bool) error {
	v := versionAnswer{buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, catalog.Newest()}
	if asJSON {
		return writeJSON(w, v)
	}
	_, err := fmt.Fprintf(w, "webproxy %s %s %s/%s, lists up to %s\n", v.Version, v.Go, v.OS, v.Arch, v.Lists)
	return err
}

// buildVersion is the release, or the commit that the binary was built from, as make build or Go recorded it.
func buildVersion() string {
	if version != "devel" {
		return version
	}
	at, modified := commit, false
	info, ok := debug.ReadBuildInfo()
	if at == "" && ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				at = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	at, suffix := strings.CutSuffix(at, "-modified")
	if at == "" {
		return version
	}
	v := version + "-" + at[:min(len(at), 12)]
	if modified || suffix {
		v += "-modified"
	}
	return v
}
