package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/firewall"
	"webproxy/internal/columns"
	"webproxy/internal/hint"
	"webproxy/policy"
)

func newFirewall() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "firewall",
		Short: "Write the rules for the firewalls of a site",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFirewallExport())
	return cmd
}

// firewallFlags are the flags of firewall export.
type firewallFlags struct {
	config, output, to, proxy, rpc, tagFile string
	roles                                   map[firewall.Role]*[]string
	tags                                    []string
	undo, check                             bool
}

func newFirewallExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write firewall rules: the tables for Azure Local, service tags, the way to the proxy",
		Long: `Export writes every row of Microsoft's tables for Windows Admin Center, Failover Clustering, Hyper-V and Storage Replica,
corrections of later documents, and what AKS on a subnet of its own needs: as New-NetFirewallRule for nodes (ps1), as
nftables for the router between the networks (nft), or as a list (csv, json, table). --service-tag adds the addresses of a
service tag, as imported. With --proxy nodes may reach the proxy, DNS and NTP, and no other public address.

A role without addresses never means everybody: Windows rules say LocalSubnet, nftables has an empty set.
--undo writes commands that remove the rules. --check has nft read the rules without applying them; exit code 4 means that it refuses them.
docs/firewall.md has the tables.`,
		Example: "  webproxy firewall export --nodes 192.168.1.0/24 --management 10.0.5.0/24 -o ps1 --out rules.ps1\n" +
			"  webproxy firewall export --nodes 192.168.1.0/24 --proxy 10.0.1.5:9090 --dns 10.0.0.2 --ntp 10.0.0.3 -o nft --check\n" +
			"  webproxy firewall export --service-tag AzureArcInfrastructure -o csv",
		Args: cobra.NoArgs,
	}
	f := firewallFlags{roles: map[firewall.Role]*[]string{}}
	config := configFlag(cmd)
	flags := cmd.Flags()
	for _, role := range []struct {
		role  firewall.Role
		about string
	}{
		{firewall.Nodes, "`ADDRESSES` of the nodes (default those of the client group nodes)"},
		{firewall.Management, "`ADDRESSES` from which the cluster is administered"},
		{firewall.AdminCtr, "`ADDRESSES` of Windows Admin Center (default those of the client group wac)"},
		{firewall.AKS, "`ADDRESSES` of AKS clusters (logical network)"},
		{firewall.Cluster, "`ADDRESSES` of the cluster itself"},
		{firewall.Directory, "`ADDRESSES` of Active Directory"},
		{firewall.TimeServer, "`ADDRESSES` of NTP servers"},
		{firewall.NameServer, "`ADDRESSES` of DNS servers"},
	} {
		f.roles[role.role] = flags.StringSlice(string(role.role), nil, role.about)
	}
	flags.StringVar(&f.proxy, "proxy", "", "`ADDRESS:PORT` of the proxy: nodes may reach it, DNS and NTP, and no other public address")
	flags.StringVar(&f.rpc, "rpc-ports", "", "`RANGE` of RPC's dynamic ports, as configured on the nodes (default 5001-5100)")
	flags.StringSliceVar(&f.tags, "service-tag", nil, "service `TAG` that nodes reach directly; may be repeated")
	flags.StringVar(&f.tagFile, "tags", "", "`FILE` with service tags, instead of the imported ones")
	flags.BoolVar(&f.undo, "undo", false, "write commands that remove the rules")
	flags.BoolVar(&f.check, "check", false, "have nft read the rules without setting them")
	flags.StringVarP(&f.output, "output", "o", "table", "`FORMAT`: ps1, nft, csv, json or table")
	out := outFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f.config, f.to = *config, *out
		return f.run(cmd)
	}
	return cmd
}

func (f *firewallFlags) run(cmd *cobra.Command) error {
	if err := wantOutput(f.output, "ps1", "nft", "csv", "json", "table"); err != nil {
		return err
	}
	switch {
	case f.undo && f.output != "ps1" && f.output != "nft":
		return usageError{fmt.Errorf("--undo: want -o ps1 or -o nft")}
	case f.check && f.output != "nft":
		return usageError{errors.New("--check has nft read the rules: want -o nft")}
	}
	text, err := f.text(cmd)
	if err != nil {
		return err
	}
	if f.check {
		return f.runCheck(cmd, text)
	}
	return writeOut(cmd, f.to, text)
}

// text is the export.
func (f *firewallFlags) text(cmd *cobra.Command) ([]byte, error) {
	switch {
	case f.undo && f.output == "ps1":
		return []byte(firewall.UndoPowerShell()), nil
	case f.undo:
		return []byte(firewall.UndoNFTables()), nil
	}
	e, err := f.export()
	if err != nil {
		return nil, err
	}
	if missing := e.Missing(); len(missing) > 0 {
		var flags []string
		for _, role := range missing {
			flags = append(flags, "--"+string(role))
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "note: no addresses are known for %s: their rules are for LocalSubnet (ps1), or match nothing (nft)\n", strings.Join(flags, ", "))
	}
	var b bytes.Buffer
	switch f.output {
	case "ps1":
		b.WriteString(e.PowerShell())
	case "nft":
		b.WriteString(e.NFTables())
	case "csv":
		err = e.WriteCSV(&b)
	case "json":
		err = writeJSON(&b, e.Rows())
	default:
		rows := [][]string{{"SECTION", "RULE", "FROM", "TO", "PROTOCOL", "PORTS"}}
		for _, r := range e.Rows() {
			rows = append(rows, []string{r.Section, r.Rule, string(r.Source), cmp.Or(r.ServiceTag, string(r.Destination)), r.Protocol, cmp.Or(strings.Join(r.Ports, " "), "n/a")})
		}
		table := columns.Table{Drop: []string{"SECTION"}}
		if f.to == "" {
			table.Width = tableWidth(cmd.OutOrStdout())
		}
		err = table.Write(&b, rows)
	}
	return b.Bytes(), err
}

// export makes the description of the site.
func (f *firewallFlags) export() (*firewall.Export, error) {
	site := firewall.Site{}
	for role, texts := range f.roles {
		for _, text := range *texts {
			p, err := parseAddresses(text)
			if err != nil {
				return nil, usageError{fmt.Errorf("--%s %w", role, err)}
			}
			site[role] = append(site[role], p)
		}
	}
	cfg, cfgErr := loadConfig(f.config)
	if cfgErr == nil {
		for _, role := range []firewall.Role{firewall.Nodes, firewall.AdminCtr} {
			for _, g := range cfg.Set.Groups() {
				if g.Name == string(role) && len(site[role]) == 0 {
					site[role] = slices.Clone(g.Prefixes)
				}
			}
		}
	}
	o := firewall.Options{RPCPorts: f.rpc}
	if f.proxy != "" {
		at, err := netip.ParseAddrPort(f.proxy)
		if err != nil || at.Port() == 0 {
			return nil, usageError{fmt.Errorf("--proxy %q: want an address and a port, such as 10.0.1.5:9090", f.proxy)}
		}
		site[firewall.Proxy] = []netip.Prefix{netip.PrefixFrom(at.Addr().Unmap(), at.Addr().Unmap().BitLen())}
		o.ProxyPort = at.Port()
	}
	for _, name := range f.tags {
		t, err := f.serviceTag(name, cfg, cfgErr)
		var unknown *policy.SpecError
		switch {
		case errors.As(err, &unknown):
			return nil, hint.With(fmt.Errorf("--service-tag: %s", unknown.Msg), unknown.Hint)
		case err != nil:
			return nil, err
		}
		o.Tags = append(o.Tags, t)
	}
	e, err := firewall.New(site, o)
	if err != nil {
		return nil, usageError{err}
	}
	return e, nil
}

// parseAddresses reads an address or a prefix.
func parseAddresses(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q: want an address or a prefix, such as 192.168.1.0/24", text)
	case p != p.Masked():
		return p, fmt.Errorf("%s has bits of a host: write %s", text, p.Masked())
	case p.Bits() == 0:
		return p, fmt.Errorf("%s is every address", text)
	}
	return p, nil
}

// serviceTag returns the addresses of a tag, of the file given or of those that were imported for the configuration.
func (f *firewallFlags) serviceTag(name string, cfg *config.Config, cfgErr error) (firewall.Tag, error) {
	t := firewall.Tag{Name: name}
	if f.tagFile != "" {
		data, err := readFile(nil, "read", f.tagFile, catalog.MaxTagFile)
		if err != nil {
			return t, err
		}
		tags, err := catalog.ParseTags(data)
		if err != nil {
			return t, fmt.Errorf("%s: %w", f.tagFile, err)
		}
		t.Source = fmt.Sprintf("service tags of cloud %s, change %d", tags.Cloud, tags.Change)
		t.Prefixes, err = catalog.TagPrefixes(name, tags.Cloud, func(cloud string) (*catalog.Tags, error) {
			if cloud != tags.Cloud {
				return nil, fmt.Errorf("service tag %s of cloud %s needs the %s cloud's addresses too: import both files and leave out --tags", name, tags.Cloud, cloud)
			}
			return tags, nil
		})
		return t, err
	}
	if cfgErr != nil {
		return t, cfgErr
	}
	if cfg.Path == "" {
		return t, hint.With(errors.New("no service tags are imported"), "name a file with --tags, or webproxy servicetags import FILE beside a configuration")
	}
	cloud := cmp.Or(cfg.Policy.Cloud, "public")
	prefixes, err := catalog.TagPrefixes(name, cloud, func(cloud string) (*catalog.Tags, error) {
		tags, err := config.ReadTags(filepath.Dir(cfg.Path), cloud)
		if err == nil {
			t.Source = strings.TrimPrefix(fmt.Sprintf("%s; service tags of cloud %s, change %d", t.Source, tags.Cloud, tags.Change), "; ")
		}
		return tags, err
	})
	t.Prefixes = prefixes
	return t, err
}

// runCheck has nft read the rules.
func (f *firewallFlags) runCheck(cmd *cobra.Command, text []byte) error {
	nft, err := exec.LookPath("nft")
	if err != nil {
		for _, at := range []string{"/usr/sbin/nft", "/sbin/nft"} { // often not in PATH
			if nft, err = exec.LookPath(at); err == nil {
				break
			}
		}
	}
	if err != nil {
		return hint.With(errors.New("nft is not installed here: nothing was checked"), "install nftables, or write the rules with --out and check them on the router: nft -c -f FILE")
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, nft, "-c", "-f", "-")
	run.Stdin = bytes.NewReader(text)
	said, err := run.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && bytes.Contains(said, []byte("Operation not permitted")):
		return hint.With(errors.New("nft may not compare the rules with the tables of this machine: nothing was checked"), "run it as root")
	case errors.As(err, &exit):
		fmt.Fprintf(cmd.OutOrStdout(), "nft refuses the rules:\n%s", said)
		return noError{}
	case err != nil:
		return fmt.Errorf("run %s: %w", nft, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "ok: nft accepts the rules\n")
	if f.to != "" {
		return writeOut(cmd, f.to, text)
	}
	return nil
}
