package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/smallfile"
)

// bundleSite returns a configuration with policy.bundle, and the store of its bundles.
func bundleSite(file string) (*config.Config, bundle.Store, error) {
	cfg, err := loadConfig(file)
	if err != nil {
		return nil, bundle.Store{}, err
	}
	if cfg.Policy.Bundle == nil {
		return nil, bundle.Store{}, hint.With(fmt.Errorf("%s has no policy.bundle", about(cfg)), "docs/fleet.md describes how a site takes bundles")
	}
	return cfg, bundle.NewStore(filepath.Dir(config.BundleFile(cfg.Path))), nil
}

func newBundleShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the contents of a bundle: that of a file, or the one in force here",
		Args:  cobra.MaximumNArgs(1),
	}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		if len(args) == 1 {
			b, err := bundle.ReadFile(args[0])
			if err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprintln(cmd.ErrOrStderr(), "not verified: webproxy bundle verify does that")
			}
			return printBundle(cmd, b, b.Signers(), asJSON)
		}
		cfg, store, err := bundleSite(*file)
		if err != nil {
			return err
		}
		if cfg.Bundle == nil {
			return hint.With(errors.New("no bundle was taken yet"), "a running proxy fetches it; webproxy bundle take FILE takes one by hand")
		}
		st, err := store.State()
		if err != nil {
			return err
		}
		if !asJSON {
			fmt.Fprint(cmd.OutOrStdout(), aboutLine(cfg))
			if st.By != "" && st.Of(cfg.Bundle) {
				fmt.Fprintf(cmd.OutOrStdout(), "taken by %s on %s: %s\n", st.By, st.Taken.UTC().Format(time.RFC3339), st.Reason)
			}
		}
		return printBundle(cmd, cfg.Bundle, cfg.Bundle.Signers(), asJSON)
	})
	return cmd
}

func newBundleTake() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "take FILE --reason TEXT",
		Short: "Take a bundle by hand, where the site cannot fetch it",
		Long: `Take verifies the bundle as the proxy does: keys, name, site, serial, and that its policy compiles and its tests pass.
A running proxy reloads within a second.`,
		Args: cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	by, reason := actorFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		cfg, store, err := bundleSite(*file)
		if err != nil {
			return err
		}
		data, err := smallfile.Read(args[0], bundle.MaxSize)
		if err != nil {
			return err
		}
		b, err := verifyForSite(cfg, data)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		again, err := store.Admit(b)
		if err != nil {
			return err
		}
		if again {
			fmt.Fprintf(cmd.ErrOrStderr(), "%v is in force already\n", b)
			return taken(cmd, b, asJSON)
		}
		if err := store.Take(b, bundle.State{Taken: time.Now().UTC(), By: who(*by), Reason: *reason}); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%v is in force\n", b)
		return taken(cmd, b, asJSON)
	})
	return cmd
}

// taken prints the bundle in force as JSON; people are told on stderr.
func taken(cmd *cobra.Command, b *bundle.Bundle, asJSON bool) error {
	if asJSON {
		return printBundle(cmd, b, b.Signers(), true)
	}
	return nil
}

// verifyForSite opens a bundle by the keys of cfg, and checks that it is for this site and works there.
func verifyForSite(cfg *config.Config, data []byte) (*bundle.Bundle, error) {
	b, err := config.VerifyBundle(cfg, data, buildVersion())
	if err != nil {
		return nil, err
	}
	if _, err := config.LoadWith(cfg.Path, map[string][]byte{config.BundleFile(cfg.Path): data}); err != nil {
		return nil, err
	}
	return b, nil
}

func newBundleRollback() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback --reason TEXT",
		Short: "Go back to the bundle before",
		Long: `Rollback verifies the previous bundle and puts it in force again. The one it replaces, and all earlier ones, are not taken
again: publish a bundle with a greater serial.`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	by, reason := actorFlags(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, _ []string, asJSON bool) error {
		cfg, store, err := bundleSite(*file)
		if err != nil {
			return err
		}
		previous, err := store.Previous()
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no bundle before the one in force")
		}
		if err != nil {
			return err
		}
		b, err := verifyForSite(cfg, previous.Bytes())
		if err != nil {
			return err
		}
		if err := store.Take(b, bundle.State{Taken: time.Now().UTC(), By: who(*by), Reason: *reason}); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%v is in force again\n", b)
		return taken(cmd, b, asJSON)
	})
	return cmd
}
