package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
	"webproxy/internal/privatefile"
	"webproxy/internal/wording"
	"webproxy/policy"
)

func newServiceTags() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "servicetags",
		Short: "Import and search Microsoft's service tags",
		Long: `Service tags are named sets of addresses, which Microsoft publishes every week as "Azure IP Ranges and
Service Tags", a file for each cloud. A rule with service_tag ties the addresses that are dialled to one.
The files are in servicetags/ beside the configuration, as Microsoft made them; a running proxy applies
a new one within a second.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceTagsImport(), newServiceTagsFind())
	return cmd
}

func newServiceTagsImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import a service tag file",
		Long: `Import checks a file such as ServiceTags_Public_20251028.json and writes it to servicetags/ beside the
configuration, replacing the one of the same cloud. "-" is standard input. A file that is older than
the present one is refused unless --force is given: tags only grow stale.`,
		Example: "  webproxy servicetags import ServiceTags_Public_20251028.json",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	force := cmd.Flags().Bool("force", false, "install an older file too")
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		dir, err := serviceTagsDir(*file)
		if err != nil {
			return err
		}
		return importTags(cmd, dir, args[0], *force, asJSON)
	})
	return cmd
}

// serviceTagsDir is the directory of the configuration, which need not load: that it lacks service tags
// may be the reason to import some.
func serviceTagsDir(flag string) (string, error) {
	path, err := configPath(flag)
	if err != nil {
		return "", err
	}
	if path == "" {
		return "", hint.With(errors.New("there is no configuration here to import for"), "name it with --config, or write one with webproxy init")
	}
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// A tagsAnswer is what servicetags import prints as JSON.
type tagsAnswer struct {
	File     string `json:"file"`
	Cloud    string `json:"cloud"`
	Change   int    `json:"change"`
	Was      int    `json:"was,omitempty"` // the change before; absent if there was no file
	Tags     int    `json:"tags"`
	Prefixes int    `json:"prefixes"`
}

func importTags(cmd *cobra.Command, dir, file string, force, asJSON bool) error {
	data, err := readFile(cmd.InOrStdin(), "import", file, catalog.MaxTagFile)
	if err != nil {
		return err
	}
	tags, err := catalog.ParseTags(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	was, err := config.ReadTags(dir, tags.Cloud)
	if err != nil {
		was = &catalog.Tags{} // there is no valid file
	}
	path := config.TagFile(dir, tags.Cloud)
	if was.Change > tags.Change && !force {
		return hint.With(
			fmt.Errorf("%s: change %d of cloud %s is older than the present one, %d", file, tags.Change, tags.Cloud, was.Change),
			"give --force to go back to it",
		)
	}
	if err := privatefile.MkdirAll(filepath.Dir(path), privatefile.Policy); err != nil {
		return err
	}
	if err := atomicfile.Write(path, data, 0o644); err != nil {
		return err
	}
	n, prefixes := tags.Len()
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), tagsAnswer{path, tags.Cloud, tags.Change, was.Change, n, prefixes})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: cloud %s, change %d%s: %s with %s\n", path, tags.Cloud, tags.Change,
		changedFrom(was), wording.Plural(n, "tag"), wording.Plural(prefixes, "prefix"))
	return err
}

func changedFrom(was *catalog.Tags) string {
	if was.Cloud == "" {
		return ""
	}
	n, prefixes := was.Len()
	return fmt.Sprintf(" (was %d: %d tags, %d prefixes)", was.Change, n, prefixes)
}

func newServiceTagsFind() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "find ADDRESS",
		Short:   "Say which service tags have an address",
		Long:    `Find looks through the imported service tags of all clouds. Exit code 4 means that none has the address.`,
		Example: "  webproxy servicetags find 20.50.1.16",
		Args:    cobra.ExactArgs(1),
	}
	file := configFlag(cmd)
	runFormatted(cmd, func(cmd *cobra.Command, args []string, asJSON bool) error {
		addr, err := netip.ParseAddr(args[0])
		if err != nil {
			return usageError{fmt.Errorf("address %q: want an IP address", args[0])}
		}
		dir, err := serviceTagsDir(*file)
		if err != nil {
			return err
		}
		return findTags(cmd, dir, addr, asJSON)
	})
	return cmd
}

// A tagMatch is a service tag that has an address, as servicetags find prints it in JSON.
type tagMatch struct {
	Cloud  string       `json:"cloud"`
	Change int          `json:"change"`
	Tag    string       `json:"tag"`
	Prefix netip.Prefix `json:"prefix"`
}

func findTags(cmd *cobra.Command, dir string, addr netip.Addr, asJSON bool) error {
	found, imported := []tagMatch{}, 0
	for _, cloud := range []string{"public", "china", "usgov"} {
		tags, err := config.ReadTags(dir, cloud)
		if said := (*policy.SpecError)(nil); errors.As(err, &said) {
			continue // not imported
		}
		if err != nil {
			return err
		}
		imported++
		for name, prefix := range tags.Find(addr) {
			found = append(found, tagMatch{cloud, tags.Change, name, prefix})
		}
	}
	if imported == 0 {
		return hint.With(fmt.Errorf("no service tags are imported in %s", dir), "webproxy servicetags import FILE")
	}
	slices.SortFunc(found, func(a, b tagMatch) int { return strings.Compare(a.Cloud+a.Tag, b.Cloud+b.Tag) })
	if err := writeFound(cmd.OutOrStdout(), found, asJSON); err != nil {
		return err
	}
	if len(found) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "no service tag has %s\n", addr)
		return noError{}
	}
	return nil
}

func writeFound(w io.Writer, found []tagMatch, asJSON bool) error {
	if asJSON {
		return writeJSON(w, found)
	}
	if len(found) == 0 {
		return nil
	}
	rows := [][]string{{"TAG", "CLOUD", "CHANGE", "PREFIX"}}
	for _, m := range found {
		rows = append(rows, []string{m.Tag, m.Cloud, strconv.Itoa(m.Change), m.Prefix.String()})
	}
	return writeTable(w, rows)
}
