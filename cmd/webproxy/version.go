package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the newest generation of the built-in lists",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintf(cmd.OutOrStdout(), "webproxy %s %s %s/%s, lists up to %s\n",
				buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, catalog.Newest())
			return nil
		},
	}
}

// buildVersion is the release, or the commit that the binary was built from: as make build gave it, or else as Go noted it.
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
