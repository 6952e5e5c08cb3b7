package main

import (
	"github.com/spf13/cobra"

	"webproxy/config"
	"webproxy/internal/daemon"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the proxy",
		Long: `Serve runs the proxy until it is told to stop. It reloads the policy when its files change; an invalid
change is logged, and the policy in force stays. SIGTERM (or the service's Stop) lets open
tunnels finish for proxy.shutdown_grace, a second one cuts them; SIGHUP reads the configuration again.`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		path, err := configPath(*file)
		if err != nil {
			return err
		}
		return daemon.Run(cmd.Context(), daemon.Options{
			Load:    func() (*config.Config, error) { return openToServe(path) },
			Version: buildVersion(),
			Stderr:  cmd.ErrOrStderr(),
		})
	}
	return cmd
}

// openToServe is openConfig for serve.
func openToServe(path string) (*config.Config, error) {
	if path == "" {
		return config.LoadDefault()
	}
	return config.LoadToServe(path)
}
