package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/notekey"
)

func newBundle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "One reviewed policy for many sites, in one signed file",
		Long: `A bundle holds rules, phases and tests of a policy with the lists that they name. Reviewers sign it. Any web
server, share or USB stick can distribute it, and sites with policy.bundle take it if enough keys have signed. It never contains
a site's own settings, such as client addresses, upstream proxies and keys. See docs/fleet.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBundleKeygen(), newBundleMake(), newBundleSign(), newBundleVerify(), newBundleDiff(), newBundleServe(),
		newBundleShow(), newBundleTake(), newBundleRollback())
	return cmd
}

func newBundleKeygen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen NAME",
		Short: "Make a key that signs bundles",
		Long: `Keygen writes NAME.key, which signs and belongs on a machine that is kept offline, and NAME.pub, which sites name in
policy.bundle.keys.`,
		Example: "  webproxy bundle keygen alice --dir /media/usb",
		Args:    cobra.ExactArgs(1),
	}
	dir := cmd.Flags().String("dir", ".", "`DIRECTORY` for the two files")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		path := filepath.Join(*dir, args[0]+notekey.Suffix)
		_, public, err := notekey.Make(path, args[0])
		if errors.Is(err, fs.ErrExist) {
			return hint.With(fmt.Errorf("there is a key in %s", path), "choose another name or --dir")
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s, keep it offline, and %s\n", path, notekey.PublicFile(path))
		if asJSON {
			return writeJSON(cmd.OutOrStdout(), keyAnswer{path, notekey.PublicFile(path), public})
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), public)
		return err
	})
	return cmd
}

// A keyAnswer is what bundle keygen prints as JSON.
type keyAnswer struct {
	Key        string `json:"key_file"`
	PublicFile string `json:"public_file"`
	Public     string `json:"public"`
}

func newBundleMake() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "make DIRECTORY -o FILE --name NAME --serial N",
		Short: "Make an unsigned bundle of the configuration in a directory",
		Long: `Make reads webproxy.yaml in the directory, checks it and runs its tests, and writes the part of its policy that sites
share. The same input gives the same bytes; with --at also at another time.`,
		Example: "  webproxy bundle make policies/stable -o stable-1042.bundle --name stable --serial 1042 --site 'oslo-*'",
		Args:    cobra.ExactArgs(1),
	}
	out := cmd.Flags().StringP("out", "o", "", "`FILE` to write (default: NAME-SERIAL.bundle)")
	name := cmd.Flags().String("name", "", "`NAME` of these bundles, such as stable (required)")
	serial := cmd.Flags().Uint64("serial", 0, "`NUMBER` of this one, greater than that of the one before (required)")
	sites := cmd.Flags().StringSlice("site", []string{"*"}, "`SITES` that it is for: values of audit.site, or patterns such as oslo-*")
	least := cmd.Flags().String("min-version", "", "oldest `VERSION` of webproxy that may take it")
	by := cmd.Flags().String("by", "", "who makes it (default: the user who runs this)")
	at := cmd.Flags().String("at", "", "`TIME` it is made, RFC 3339 (default: now)")
	cmd.MarkFlagRequired("name")
	cmd.MarkFlagRequired("serial")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		made := time.Now().UTC().Truncate(time.Second)
		if *at != "" {
			t, err := time.Parse(time.RFC3339, *at)
			if err != nil {
				return usageError{fmt.Errorf("--at %s: want a time such as 2026-12-31T18:00:00Z", *at)}
			}
			made = t
		}
		files, err := config.BundleFiles(filepath.Join(args[0], config.FileName))
		if err != nil {
			return err
		}
		b, err := bundle.New(bundle.Manifest{
			Name: *name, Serial: *serial, Version: *least, Sites: *sites, Made: made, By: who(*by),
		}, files)
		if err != nil {
			return err
		}
		if _, err := config.CompileBundle(b); err != nil {
			return err
		}
		path := cmp.Or(*out, b.String()+".bundle")
		if err := atomicfile.Write(path, b.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s, not signed yet\n", path)
		return nil
	}
	return cmd
}

func newBundleSign() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sign FILE --key KEY",
		Short:   "Add a signature to a bundle",
		Example: "  webproxy bundle sign stable-1042.bundle --key alice.key",
		Args:    cobra.ExactArgs(1),
	}
	keyFile := cmd.Flags().String("key", "", "`FILE` of the private key (required)")
	cmd.MarkFlagRequired("key")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		b, err := bundle.ReadFile(args[0])
		if err != nil {
			return err
		}
		key, _, err := notekey.Load(*keyFile)
		if err != nil {
			return err
		}
		if err := b.Sign(key); err != nil {
			return err
		}
		if err := atomicfile.Write(args[0], b.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%v is signed by %s\n", b, strings.Join(b.Signers(), ", "))
		if asJSON {
			return printBundle(cmd, b, b.Signers(), true)
		}
		return nil
	})
	return cmd
}

// keyFlags are --pub and --need.
func keyFlags(cmd *cobra.Command) (pubs *[]string, need *int) {
	return cmd.Flags().StringSlice("pub", nil, "`FILES` of public keys (required)"), cmd.Flags().Int("need", 0, "how many of them must have signed (default: all)")
}

func openBundle(path string, pubs []string, need int) (*bundle.Bundle, []string, error) {
	b, err := bundle.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var texts []string
	for _, p := range pubs {
		text, err := notekey.ReadPublic(p)
		if err != nil {
			return nil, nil, err
		}
		texts = append(texts, text)
	}
	keys, err := bundle.ParseKeys(texts)
	if err != nil {
		return nil, nil, err
	}
	signers, err := b.Verify(keys, cmp.Or(need, keys.Len()))
	return b, signers, err
}

func newBundleVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE --pub KEY",
		Short: "Check a bundle's signatures and contents",
		Long:  "Verify ends with 5 if the bundle is not what the keys have signed, and with 0 if it is.",
		Args:  cobra.ExactArgs(1),
	}
	pubs, need := keyFlags(cmd)
	cmd.MarkFlagRequired("pub")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		b, signers, err := openBundle(args[0], *pubs, *need)
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil {
			sayError(cmd.ErrOrStderr(), err.Error())
			return integrityError{}
		}
		return printBundle(cmd, b, signers, asJSON)
	})
	return cmd
}

// printBundle prints the contents of b, and who signed it.
func printBundle(cmd *cobra.Command, b *bundle.Bundle, signers []string, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), struct {
			bundle.Manifest
			Digest  string   `json:"digest"`
			Signers []string `json:"signers"`
		}{b.Manifest, b.Digest(), append([]string{}, signers...)})
	}
	by := "nobody"
	if len(signers) > 0 {
		by = strings.Join(signers, ", ")
	}
	rows := [][]string{
		{"bundle", b.String()}, {"digest", b.Digest()[:12]},
		{"made", b.Made.UTC().Format(time.RFC3339) + " by " + b.By}, {"for sites", strings.Join(b.Sites, ", ")},
		{"signed by", by},
	}
	if b.Version != "" {
		rows = append(rows, []string{"needs", "webproxy " + b.Version})
	}
	for _, f := range b.Files {
		rows = append(rows, []string{"file", fmt.Sprintf("%s  %d bytes", f.Name, f.Size)})
	}
	return writeTable(cmd.OutOrStdout(), rows)
}

func newBundleDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what B allows and denies differently from A",
		Args:  cobra.ExactArgs(2),
	}
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		a, err := bundle.ReadFile(args[0])
		if err != nil {
			return err
		}
		b, err := bundle.ReadFile(args[1])
		if err != nil {
			return err
		}
		before, err := config.CompileBundle(a)
		if err != nil {
			return err
		}
		after, err := config.CompileBundle(b)
		if err != nil {
			return err
		}
		if !asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%v -> %v, for sites %s\n", a, b, strings.Join(b.Sites, ", "))
			added, removed, changed := bundle.Diff(a, b)
			for _, f := range slices.Concat(added, removed, changed) {
				word := "changed"
				if slices.Contains(added, f) {
					word = "new"
				} else if slices.Contains(removed, f) {
					word = "gone"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "file %s: %s\n", f, word)
			}
		}
		return diffPolicies(cmd, before, after, asJSON)
	})
	return cmd
}
