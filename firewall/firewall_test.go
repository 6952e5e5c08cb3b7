package firewall_test

import (
	"encoding/csv"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"webproxy/firewall"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range texts {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

var site = firewall.Site{
	firewall.Nodes: prefixes("192.168.1.0/24", "fd00::/64"), firewall.Management: prefixes("10.0.5.0/24"), firewall.AdminCtr: prefixes("10.0.2.10/32"),
	firewall.AKS: prefixes("192.168.9.0/24"), firewall.Cluster: prefixes("192.168.1.20/32"), firewall.Directory: prefixes("10.0.0.1/32"),
	firewall.TimeServer: prefixes("10.0.0.3/32"), firewall.NameServer: prefixes("10.0.0.2/32"), firewall.Proxy: prefixes("10.0.1.5/32"),
}

func export(t *testing.T, s firewall.Site, o firewall.Options) *firewall.Export {
	t.Helper()
	e, err := firewall.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Every row of the document of 2021 is exported, in order, with its roles, protocol and ports, in each format.
func TestEveryRow(t *testing.T) {
	f, err := os.Open("testdata/document-2021-12.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 25 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	roles := map[string]firewall.Role{
		"Cluster servers": firewall.Nodes, "Azure Stack HCI": firewall.Nodes, "Hyper-V server": firewall.Nodes, "Stretched cluster servers": firewall.Nodes,
		"Management system": firewall.Management, "Windows Admin Center": firewall.AdminCtr,
	}
	sections := map[string]string{"General (prose)": "General"}
	e := export(t, site, firewall.Options{})
	ps, nft := e.PowerShell(), e.NFTables()
	for i, row := range rows[1:] {
		r := e.Rules[i]
		section, protocol, ports := row[0], row[4], row[5]
		if s := sections[section]; s != "" {
			section = s
		}
		switch {
		case protocol == "n/a" || protocol == "ICMP":
			protocol, ports = "ICMP", ""
		case strings.HasPrefix(ports, "Minimum"):
			ports = "5001-5100"
		}
		title := regexp.MustCompile(` with iWARP RDMA \(bi-directional, only if iWARP\)`).ReplaceAllString(row[1], " (bi-directional)")
		if r.Section != section || r.Title != title || r.From != roles[row[2]] || r.To != roles[row[3]] || r.Protocol != protocol || strings.Join(r.Ports, " ") != ports {
			t.Errorf("row %d of the document, %q: got %+v", i+1, row, r)
		}
		for _, want := range []string{"'webproxy-" + r.ID + "-inbound", `comment "` + r.ID + `"`} {
			if !strings.Contains(ps+nft, want) {
				t.Errorf("row %d, %s: no %s", i+1, r.Title, want)
			}
		}
	}
}

// An inbound rule names the local port, an outbound one the remote port, and no rule is for everybody.
func TestPowerShell(t *testing.T) {
	for _, s := range []firewall.Site{site, {}} {
		text := export(t, s, firewall.Options{}).PowerShell()
		n := 0
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "New-NetFirewallRule") {
				continue
			}
			n++
			in, out := strings.Contains(line, "-Direction Inbound"), strings.Contains(line, "-Direction Outbound")
			if in == out || in && strings.Contains(line, "-RemotePort") || out && strings.Contains(line, "-LocalPort") || !strings.Contains(line, " -RemoteAddress ") || strings.Contains(line, "Any -RemoteAddress") {
				t.Error(line)
			}
		}
		if n < 40 {
			t.Errorf("%d rules", n)
		}
	}
}

// The addresses of a service tag are exactly those of its file, in each format.
func TestTagPrefixes(t *testing.T) {
	want := prefixes("13.66.1.0/24", "20.37.0.1/32", "2603:1000::/25", "2603:1010:3::1/128")
	e := export(t, site, firewall.Options{Tags: []firewall.Tag{{Name: "AzureArcInfrastructure", Prefixes: want, Source: "change 7"}}})
	ps := e.PowerShell()
	ps = ps[strings.Index(ps, "'webproxy-tag-azurearcinfrastructure-outbound'"):]
	nft := e.NFTables()
	nft = nft[strings.Index(nft, "set tag_azurearcinfrastructure {"):strings.Index(nft, "chain forward")]
	for form, text := range map[string]string{"PowerShell": ps[strings.Index(ps, "-RemoteAddress"):], "nftables": nft} {
		var got []netip.Prefix
		for _, s := range regexp.MustCompile(`[0-9a-f:.]{4,}(/\d+)?`).FindAllString(text, -1) {
			if a, err := netip.ParseAddr(s); err == nil {
				got = append(got, netip.PrefixFrom(a, a.BitLen()))
			} else if p, err := netip.ParsePrefix(s); err == nil {
				got = append(got, p)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", form, got, want)
		}
	}
	if !strings.Contains(ps, "-RemotePort '443'") {
		t.Error(ps)
	}
}

// With a proxy, all other public addresses are blocked, except those that another rule allows: a block beats an allow.
func TestProxyOnly(t *testing.T) {
	s := firewall.Site{firewall.Nodes: prefixes("192.168.1.0/24"), firewall.Proxy: prefixes("203.0.113.5/32"), firewall.NameServer: prefixes("8.8.8.8/32", "2001:4860:4860::8888/128")}
	text := export(t, s, firewall.Options{ProxyPort: 9090}).PowerShell()
	_, block, ok := strings.Cut(text, "'webproxy-rest-outbound'")
	if !ok {
		t.Fatal("nothing blocks the rest")
	}
	blocked := func(addr string) bool {
		a := netip.MustParseAddr(addr)
		for _, m := range regexp.MustCompile(`'([0-9a-f:.]+)-([0-9a-f:.]+)'`).FindAllStringSubmatch(block, -1) {
			from, to := netip.MustParseAddr(m[1]), netip.MustParseAddr(m[2])
			if a.Is4() == from.Is4() && a.Compare(from) >= 0 && a.Compare(to) <= 0 {
				return true
			}
		}
		return false
	}
	for addr, want := range map[string]bool{
		"20.50.1.16": true, "1.0.0.0": true, "223.255.255.255": true, "203.0.113.4": true, "203.0.113.6": true, "8.8.8.9": true, "172.15.255.255": true, "172.32.0.0": true, "2603::1": true, "3fff:ffff::1": true,
		"203.0.113.5": false, "8.8.8.8": false, "10.1.2.3": false, "192.168.1.7": false, "172.16.0.0": false, "127.0.0.1": false, "224.0.0.1": false, "2001:4860:4860::8888": false, "fd00::1": false, "fe80::1": false,
	} {
		if got := blocked(addr); got != want {
			t.Errorf("%s: blocked %v, want %v", addr, got, want)
		}
	}
	if !strings.Contains(text, "-RemotePort '9090' -RemoteAddress '203.0.113.5'") || !strings.Contains(text, "-RemotePort '53' -RemoteAddress @('8.8.8.8', '2001:4860:4860::8888')") {
		t.Error(text)
	}
}

func TestRefused(t *testing.T) {
	for want, o := range map[string]firewall.Options{
		"at least 100 ports above 5000":   {RPCPorts: "5000-5050"},
		"want a range":                    {RPCPorts: "all"},
		"service tags cannot be combined": {ProxyPort: 9090, Tags: []firewall.Tag{{Name: "A", Prefixes: prefixes("10.0.0.0/8")}}},
		"without addresses":               {Tags: []firewall.Tag{{Name: "A"}}},
		"not a name":                      {Tags: []firewall.Tag{{Name: "A'; Remove-Item C:\\", Prefixes: prefixes("10.0.0.0/8")}}},
	} {
		if _, err := firewall.New(site, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	if _, err := firewall.New(firewall.Site{}, firewall.Options{ProxyPort: 1}); err == nil {
		t.Error("a proxy without an address: no error")
	}
}
