package clientconfig_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/clientconfig"
)

var update = flag.Bool("update", false, "rewrite testdata")

const proxy = "http://webproxy:9090"

// inventories are realistic sites; testdata/NAME.txt has the output for each.
var inventories = []struct {
	name string
	site clientconfig.Site
}{
	{"two-nodes", clientconfig.Site{Proxy: proxy, Nodes: []string{"node1", "node2"}, Clusters: []string{"s-cluster"}, Subnets: []string{"192.168.1.0/24"}, Domains: []string{"contoso.com"}}},
	{"single-node", clientconfig.Site{Proxy: "http://10.0.1.5:9090", Nodes: []string{"edge01=192.168.7.20"}, Clusters: []string{"edge-c"}, Domains: []string{"corp.fabrikam.example"}}},
	{"subnet-23", clientconfig.Site{Proxy: proxy, Nodes: []string{"n1", "n2", "n3"}, Clusters: []string{"hci"}, Subnets: []string{"10.20.4.0/23"}, Domains: []string{"contoso.com"}}},
	{"public-subnet", clientconfig.Site{Proxy: "http://203.0.113.9:3128", Nodes: []string{"n1=203.0.113.11", "n2=203.0.113.12"}, Clusters: []string{"hci=203.0.113.20"}, Subnets: []string{"203.0.113.8/29"}}},
	{"private-endpoints", clientconfig.Site{Proxy: proxy, Nodes: []string{"node1", "node2"}, Clusters: []string{"s-cluster"}, Subnets: []string{"192.168.1.0/24"}, Domains: []string{"contoso.com"},
		PrivateEndpoints: []string{"contoso-kv.vault.azure.net", "contosowitness.blob.core.windows.net", "contoso.azurecr.io"}}},
	{"arc-gateway", clientconfig.Site{Proxy: proxy, Nodes: []string{"node1", "node2"}, Clusters: []string{"s-cluster"}, Subnets: []string{"192.168.1.0/24"}, Domains: []string{"contoso.com"},
		Gateway: "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hci/providers/Microsoft.HybridCompute/gateways/gw1",
		Region:  "westeurope", Subscription: "00000000-0000-0000-0000-000000000001", Tenant: "00000000-0000-0000-0000-000000000002", ResourceGroup: "rg-hci"}},
	{"china", clientconfig.Site{Proxy: "proxy.contoso.cn:9090", Nodes: []string{"node1", "node2", "node3", "node4"}, Clusters: []string{"cn-hci"}, Subnets: []string{"172.16.0.0/12"}, Domains: []string{"contoso.cn"}, Cloud: "china", Region: "chinaeast2"}},
	{"full-names", clientconfig.Site{Proxy: proxy, Nodes: []string{"node1.contoso.com", "node2.other.example"}, Clusters: []string{"s-cluster.contoso.com"}, Subnets: []string{"10.0.0.0/8"}, Domains: []string{"*.contoso.com"}}},
	{"stretched", clientconfig.Site{Proxy: "http://webproxy.contoso.com:9090", Nodes: []string{"a1", "a2", "b1", "b2"}, Clusters: []string{"stretch"}, Subnets: []string{"10.1.0.0/16", "10.2.8.0/22"}, Domains: []string{"contoso.com", "ad.contoso.com"}, Cloud: "usgov", Region: "usgovvirginia"}},
	{"nothing-known", clientconfig.Site{Proxy: proxy}},
}

func TestInventories(t *testing.T) {
	for _, tt := range inventories {
		plan, err := clientconfig.Parse(tt.site)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := plan.Text(false) + "\n======== undo\n" + plan.Text(true) + "\n======== script\n" + plan.Script(false) + "\n======== script that undoes\n" + plan.Script(true)
		path := filepath.Join("testdata", tt.name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || string(want) != got {
			t.Errorf("%s: %v: got\n%s", path, err, got)
		}
		// The lists that this package writes pass its own checks.
		for kind, list := range map[clientconfig.Kind][]string{clientconfig.WinINet: plan.Bypass(), clientconfig.WinHTTP: plan.Bypass(), clientconfig.Env: plan.NoProxy()} {
			if c := clientconfig.Check(kind, strings.Join(list, ","), plan); len(c.Findings) > 0 {
				t.Errorf("%s: %s: %s", tt.name, kind, c.Text())
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		site clientconfig.Site
	}{
		// proxies
		{"name ends in .local", clientconfig.Site{Proxy: "http://proxy.contoso.local:9090"}},
		{"plain HTTP to a proxy", clientconfig.Site{Proxy: "https://webproxy:9090"}},
		{"supports no proxy passwords", clientconfig.Site{Proxy: "http://user:secret@webproxy:9090"}},
		{"has no port", clientconfig.Site{Proxy: "http://webproxy"}},
		{"has no port", clientconfig.Site{Proxy: ""}},
		{"look for the proxy on itself", clientconfig.Site{Proxy: "http://127.0.0.1:9090"}},
		{"look for the proxy on itself", clientconfig.Site{Proxy: "http://0.0.0.0:9090"}},
		{"pods and services", clientconfig.Site{Proxy: "http://10.96.0.20:9090"}},
		{"pods and services", clientconfig.Site{Proxy: "http://10.244.3.4:9090"}},
		{"more than a host and a port", clientconfig.Site{Proxy: "http://webproxy:9090/proxy.pac"}},
		{"not a URL", clientconfig.Site{Proxy: "http://web proxy:9090"}},
		{"in no host name", clientconfig.Site{Proxy: "http://web$proxy:9090"}},
		// subnets
		{"would take 128 entries: name 192.168.1.0/24", clientconfig.Site{Proxy: proxy, Subnets: []string{"192.168.1.0/25"}}},
		{"write 192.168.1.0/24", clientconfig.Site{Proxy: proxy, Subnets: []string{"192.168.1.7/24"}}},
		{"IPv6", clientconfig.Site{Proxy: proxy, Subnets: []string{"fd00::/64"}}},
		{"name the networks", clientconfig.Site{Proxy: proxy, Subnets: []string{"0.0.0.0/0"}}},
		{"not a prefix", clientconfig.Site{Proxy: proxy, Subnets: []string{"192.168.1.*"}}},
		// names
		{`(U+2011) is in no host name`, clientconfig.Site{Proxy: proxy, Nodes: []string{"node\u20111"}}},
		{`"$" is in no host name`, clientconfig.Site{Proxy: proxy, Nodes: []string{"node1$(calc)"}}},
		{"15 characters", clientconfig.Site{Proxy: proxy, Nodes: []string{"a-name-of-17-byte"}}},
		{"not an IPv4 address", clientconfig.Site{Proxy: proxy, Nodes: []string{"node1=fd00::1"}}},
		// private endpoints
		{"do", clientconfig.Site{Proxy: proxy, PrivateEndpoints: []string{"gbl.his.arc.azure.com"}}},
		{"named one by one", clientconfig.Site{Proxy: proxy, PrivateEndpoints: []string{"*.azurecr.io"}}},
		{"write kv.vault.azure.net", clientconfig.Site{Proxy: proxy, PrivateEndpoints: []string{"kv.privatelink.vault.azure.net"}}},
		// the registration
		{"not a resource ID", clientconfig.Site{Proxy: proxy, Gateway: "gw1"}},
		{"public cloud only", clientconfig.Site{Proxy: proxy, Cloud: "china", Gateway: "/subscriptions/x/gateways/y"}},
		{"--tenant", clientconfig.Site{Proxy: proxy, Tenant: "a\nRemove-Item"}},
		{"--region", clientconfig.Site{Proxy: proxy, Region: `"; calc`}},
		{"no cloud", clientconfig.Site{Proxy: proxy, Cloud: "moon"}},
		// all problems are reported
		{"--domain", clientconfig.Site{Proxy: "x", Domains: []string{"con toso.com"}}},
	} {
		_, err := clientconfig.Parse(tt.site)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%+v) = %v, want an error with %q", tt.site, err, tt.want)
		}
	}
}
