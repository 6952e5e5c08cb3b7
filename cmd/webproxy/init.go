package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/internal/privatefile"
)

func newInit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration to start from: the built-in one, with your settings in it",
		Long: `Init writes webproxy.yaml, an empty lists/approved.txt for hosts of your own, and the JSON Schema by which
editors complete and check the file. Without flags it is the built-in configuration, which also holds
when there is no file. With --region it has the lists of what Azure Local needs there today, instead of the
document of 2021 for Azure Stack HCI; with --release, those of an older release. Files that exist are never
overwritten.`,
		Example: "  webproxy init --cloud public --region eastus --clients nodes=10.0.1.0/24\n  webproxy init --cloud usgov --release 2504\n  webproxy init --stdout",
		Args:    cobra.NoArgs,
	}
	var p config.InitParams
	cmd.Flags().StringVar(&p.Cloud, "cloud", "", "`CLOUD`: public, china or usgov (default public)")
	cmd.Flags().StringVar(&p.Region, "region", "", "Azure `REGION`, such as eastus")
	cmd.Flags().StringVar(&p.Release, "release", "", "`RELEASE` of Azure Local: "+strings.Join(catalog.Releases(), ", ")+" (default the newest)")
	cmd.Flags().StringArrayVar(&p.Clients, "clients", nil, "client `GROUP`, name=address,network,..; several with ; between them, or repeat the flag")
	dir := cmd.Flags().String("dir", ".", "`DIRECTORY` to write to")
	stdout := cmd.Flags().Bool("stdout", false, "print webproxy.yaml instead of writing files")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		files, notes, err := config.Init(p)
		if err != nil {
			return usageError{err}
		}
		for _, n := range notes {
			fmt.Fprintln(cmd.ErrOrStderr(), n)
		}
		if *stdout {
			_, err := cmd.OutOrStdout().Write(files[0].Data)
			return err
		}
		return writeInit(cmd, *dir, files)
	}
	return cmd
}

// writeInit writes all of the files, or none if one of them exists.
func writeInit(cmd *cobra.Command, dir string, files []config.File) error {
	for _, f := range files {
		path := f.Local(dir)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return hint.With(fmt.Errorf("%s exists", path), "write to another directory with --dir, or move the file away")
		}
	}
	var names []string
	for _, f := range files {
		path := f.Local(dir)
		if err := privatefile.MkdirAll(filepath.Dir(path), privatefile.Policy); err != nil {
			return err
		}
		if err := privatefile.CreatePolicy(path, f.Data); err != nil {
			return err
		}
		names = append(names, path)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\nnext: webproxy check -c %s; webproxy serve -c %s\n", strings.Join(names, ", "), names[0], names[0])
	return nil
}
