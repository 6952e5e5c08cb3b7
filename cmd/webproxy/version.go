package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

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

// buildVersion is the release, or the revision that the binary was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if version != "devel" || !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "-" + s.Value[:12]
		}
	}
	return version
}
