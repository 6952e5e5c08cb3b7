package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"webproxy/clientconfig"
)

// clientConfigFlags are the flags of client-config.
type clientConfigFlags struct {
	site                            clientconfig.Site
	config, check, kind, output, to string
	undo                            bool
}

func newClientConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client-config",
		Short: "Print what to set on nodes, each setting in its own grammar, and check bypass lists",
		Long: `Client-config prints the proxy settings of a site: the registration of a new one, WinINet, WinHTTP, the environment,
azcmagent, the fields of the portal, containerd, Helm, apt and git; with --undo, the commands that revert them. -o ps1 is one
PowerShell script for nodes, which also reverts them (-Undo). --kind prints one setting only.

With --check it reads an existing bypass list instead, puts a caret under each fault, and prints the corrected list;
--kind is the kind of the list: wininet, winhttp or env (NO_PROXY). Exit code 4 means that the list is wrong.
docs/client-config.md has the rules.`,
		Example: "  webproxy client-config --proxy http://webproxy:9090 --node node1 --node node2 --cluster s-cluster --subnet 192.168.1.0/24 --domain contoso.com\n" +
			"  webproxy client-config --node node1 --cluster s-cluster -o ps1 --out proxy.ps1\n" +
			"  webproxy client-config --node node1 --cluster s-cluster --kind winhttp --check 'localhost;<local>,node1'",
		Args: cobra.NoArgs,
	}
	var f clientConfigFlags
	flags := cmd.Flags()
	config := configFlag(cmd)
	flags.StringVar(&f.site.Proxy, "proxy", "", "`URL` of this proxy as nodes reach it (default http://webproxy and the configured port)")
	flags.StringSliceVar(&f.site.Nodes, "node", nil, "`NAME`, address or name=address of a node; may be repeated")
	flags.StringSliceVar(&f.site.Clusters, "cluster", nil, "`NAME`, address or name=address of the cluster; may be repeated")
	flags.StringSliceVar(&f.site.Subnets, "subnet", nil, "`PREFIX` of the management network, such as 192.168.1.0/24; may be repeated")
	flags.StringSliceVar(&f.site.Domains, "domain", nil, "DNS `DOMAIN` of the site; may be repeated")
	flags.StringSliceVar(&f.site.PrivateEndpoints, "private-endpoint", nil, "public `NAME` of a service with a private endpoint; may be repeated")
	flags.StringVar(&f.site.Gateway, "arc-gateway", "", "resource `ID` of the Arc gateway")
	flags.StringVar(&f.site.Cloud, "cloud", "", "`CLOUD`, for the registration (default as configured)")
	flags.StringVar(&f.site.Region, "region", "", "`REGION`, for the registration (default as configured)")
	flags.StringVar(&f.site.Subscription, "subscription", "", "`ID` of the subscription, for the registration (default a variable)")
	flags.StringVar(&f.site.Tenant, "tenant", "", "`ID` of the tenant, for the registration (default a variable)")
	flags.StringVar(&f.site.ResourceGroup, "resource-group", "", "`NAME` of the resource group, for the registration (default a variable)")
	flags.StringVar(&f.check, "check", "", "check this bypass `LIST`; - reads it from standard input")
	flags.StringVar(&f.kind, "kind", "", "`KIND` of setting; with --check: wininet, winhttp or env")
	flags.BoolVar(&f.undo, "undo", false, "print how to undo the settings")
	flags.StringVarP(&f.output, "output", "o", "table", "`FORMAT` of the answer: table, json or ps1")
	out := outFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f.config, f.to = *config, *out
		return f.run(cmd)
	}
	return cmd
}

func (f *clientConfigFlags) run(cmd *cobra.Command) error {
	if err := wantOutput(f.output, "table", "json", "ps1"); err != nil {
		return err
	}
	f.complete(cmd)
	plan, err := clientconfig.Parse(f.site)
	if err != nil {
		return usageError{err}
	}
	if cmd.Flags().Changed("check") {
		return f.runCheck(cmd, plan)
	}
	text, err := f.text(plan)
	if err != nil {
		return err
	}
	if !plan.Inventory() {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: bypass lists must name each node and the cluster: give --node and --cluster")
	}
	return writeOut(cmd, f.to, text)
}

// complete fills in settings from the configuration, if it can be read.
func (f *clientConfigFlags) complete(cmd *cobra.Command) {
	host, port := "webproxy", "9090"
	if cfg, err := loadConfig(f.config); err == nil {
		if h, p, err := net.SplitHostPort(cfg.Listen[0]); err == nil && p != "0" {
			port = p
			if ip := net.ParseIP(h); ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
				host = h
			}
		}
		if f.site.Cloud == "" {
			f.site.Cloud = cfg.Policy.Cloud
		}
		if f.site.Region == "" {
			f.site.Region = cfg.Policy.Region
		}
	} else if f.config != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s does not load, so its port and region are not known: webproxy check -c %s\n", f.config, f.config)
	}
	if f.site.Proxy == "" {
		f.site.Proxy = "http://" + net.JoinHostPort(host, port)
		if !cmd.Flags().Changed("check") {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: the proxy is %s here; --proxy says what nodes call it\n", f.site.Proxy)
		}
	}
}

// text is the answer without --check.
func (f *clientConfigFlags) text(plan *clientconfig.Plan) ([]byte, error) {
	settings := plan.Settings()
	if f.kind != "" {
		var ids []string
		for _, s := range settings {
			ids = append(ids, s.ID)
		}
		i := slices.Index(ids, f.kind)
		if i < 0 {
			return nil, usageError{fmt.Errorf("--kind %q: want one of %s", f.kind, strings.Join(ids, ", "))}
		}
		settings = settings[i : i+1]
	}
	switch {
	case f.output == "json":
		var b bytes.Buffer
		err := writeJSON(&b, clientConfigAnswer{Proxy: plan.Proxy(), Bypass: plan.Bypass(), NoProxy: plan.NoProxy(), Settings: settings})
		return b.Bytes(), err
	case f.output == "ps1" && f.kind != "":
		return nil, usageError{errors.New("-o ps1 is a script with all settings: leave --kind out, or -o ps1")}
	case f.output == "ps1":
		return []byte(plan.Script(f.undo)), nil
	case f.kind != "" && f.undo:
		return []byte(settings[0].Undo + "\n"), nil
	case f.kind != "":
		return []byte(settings[0].Text + "\n"), nil
	}
	return []byte(plan.Text(f.undo)), nil
}

// A clientConfigAnswer is what client-config prints as JSON.
type clientConfigAnswer struct {
	Proxy    string                 `json:"proxy"`
	Bypass   []string               `json:"bypass"`
	NoProxy  []string               `json:"no_proxy"`
	Settings []clientconfig.Setting `json:"settings"`
}

// A bypassAnswer is what client-config --check prints as JSON.
type bypassAnswer struct {
	OK bool `json:"ok"`
	clientconfig.Checked
}

// bypassKind is the kind of list that a setting has, by the setting's own names too.
func bypassKind(s string) clientconfig.Kind {
	switch s = strings.ToLower(s); s {
	case "no_proxy", "environment":
		return clientconfig.Env
	case "registration", "portal": // which hand their list to Windows
		return clientconfig.WinINet
	}
	return clientconfig.Kind(s)
}

func (f *clientConfigFlags) runCheck(cmd *cobra.Command, plan *clientconfig.Plan) error {
	kind := bypassKind(f.kind)
	if !slices.Contains(clientconfig.Kinds(), kind) {
		return usageError{fmt.Errorf("--kind %q: with --check, want wininet, winhttp or env", f.kind)}
	}
	if f.output == "ps1" {
		return usageError{errors.New("-o ps1: with --check, want table or json")}
	}
	list := f.check
	if list == "-" {
		data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), clientconfig.MaxList+1))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		list = strings.TrimRight(string(data), "\r\n")
	}
	checked := clientconfig.Check(kind, list, plan)
	text := []byte(checked.Text())
	if f.output == "json" {
		var b bytes.Buffer
		checked.Findings = append([]clientconfig.Finding{}, checked.Findings...)
		if err := writeJSON(&b, bypassAnswer{checked.OK(), checked}); err != nil {
			return err
		}
		text = b.Bytes()
	}
	if err := writeOut(cmd, f.to, text); err != nil {
		return err
	}
	if !plan.Inventory() {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: whether nodes and the cluster are in the list is known only with --node and --cluster")
	}
	if !checked.OK() {
		return noError{}
	}
	return nil
}
