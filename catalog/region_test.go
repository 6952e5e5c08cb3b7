package catalog_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/policy"
)

// The regions that the sources name, by both of their names.
var shortNames = map[string]string{
	"australiaeast": "ae", "canadacentral": "cc", "centralindia": "pn", "eastus": "eus", "japaneast": "je",
	"southcentralus": "scus", "southeastasia": "sea", "usgovvirginia": "usgv", "westeurope": "weu",
}

func cloudOf(region string) string {
	if region == "usgovvirginia" {
		return "usgov"
	}
	return "public"
}

func TestRegionByBothNames(t *testing.T) {
	for long, short := range shortNames {
		for _, name := range []string{"azure-local@2026-07", "arc@2026-07", "arc-gateway-reduced", "arc-k8s@2026-07"} {
			a := get(t, name, policy.Place{Cloud: cloudOf(long), Region: long})
			b := get(t, name, policy.Place{Cloud: cloudOf(long), Region: strings.ToUpper(short)})
			if !slices.Equal(lines(a), lines(b)) || len(a.Disabled) != len(b.Disabled) {
				t.Errorf("%s: %s and %s differ:\n%v\n%v", name, long, short, lines(a), lines(b))
			}
		}
	}
}

// The short names in this package are those that the hosts of the regional lists show.
func TestShortNamesAreThoseOfTheLists(t *testing.T) {
	his := regexp.MustCompile(`^([a-z]+)\.his\.arc\.azure\.(com|us)$`)
	found := map[string]string{}
	for _, l := range all(t) {
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				if m := his.FindStringSubmatch(e.Host); m != nil && len(e.Regions) == 1 && m[1] != "gbl" {
					found[e.Regions[0]] = m[1]
				}
			}
		}
	}
	for region, code := range shortNames {
		if found[region] != code {
			t.Errorf("%s: the lists have %q, want %q", region, found[region], code)
		}
	}
	if len(found) != len(shortNames) {
		t.Errorf("the lists have short names for %v", found)
	}
}

// Which name a host has is up to the host.
func TestIrregularRegions(t *testing.T) {
	tests := []struct{ region, list, want string }{
		{"southcentralus", "arb@2026-07", "https://scus.dp.prod.appliances.azure.com"},
		{"scus", "aks@2026-07", "https://southcentralus.dp.kubernetesconfiguration.azure.com"},
		{"scus", "arc@2026-07", "https://scus.his.arc.azure.com"},
		{"scus", "arc-gateway-reduced", "https://scus.his.arc.azure.com"},
		{"scus", "arc-gateway-reduced", "https://southcentralus.login.microsoft.com"},
		{"pn", "arc@2026-07", "https://pn.his.arc.azure.com"},
		{"pn", "arb@2026-07", "https://centralindia.dp.prod.appliances.azure.com"},
		{"centralindia", "arc-gateway-reduced", "https://pn.his.arc.azure.com"},
		{"usgv", "arc@2026-07", "https://usgv.his.arc.azure.us"},
		{"usgv", "aks@2026-07", "https://usgovvirginia.dp.kubernetesconfiguration.azure.us"},
		{"eus", "arc-k8s@2026-07", "https://eastus.obo.arc.azure.com:8084"},
	}
	for _, tt := range tests {
		cloud := "public"
		if tt.region == "usgv" {
			cloud = "usgov"
		}
		if got := lines(get(t, tt.list, policy.Place{Cloud: cloud, Region: tt.region})); !slices.Contains(got, tt.want) {
			t.Errorf("%s in %s: no %s in %v", tt.list, tt.region, tt.want, got)
		}
	}
}

func TestCheckPlace(t *testing.T) {
	names := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	tests := []struct {
		want  string // the errors, each with its hint; "": none
		place policy.Place
	}{
		{"", policy.Place{}},
		{"", policy.Place{Region: "eastus"}},
		{"", policy.Place{Region: "EUS"}},
		{"", policy.Place{Region: "norwayeast"}}, // a region whose short name is not known
		{"", policy.Place{Cloud: "china", Region: "chinaeast2"}},
		{"", policy.Place{Names: names("keyvault", "My-Vault", "witness", "none", "gateway", "")}},
		// unknown regions
		{`region: no region "eatsus" in cloud public [did you mean "eastus"?]`, policy.Place{Region: "eatsus"}},
		{`region: no region "norwayesat" in cloud public [did you mean "norwayeast"?]`, policy.Place{Region: "NorwayEsat"}},
		{`region: no region "atlantis" in cloud public [if it is newer than this program, give its short name too: policy.names.regioncode]`,
			policy.Place{Region: "atlantis"}},
		{"", policy.Place{Region: "atlantis", Names: names("regioncode", "atl")}},
		// of another cloud, by either name
		{`region: "usgovvirginia" is a region of cloud usgov, not of public [set policy.cloud to usgov]`, policy.Place{Region: "usgovvirginia"}},
		{`region: "usgv" is a region of cloud usgov, not of public [set policy.cloud to usgov]`,
			policy.Place{Region: "usgv", Names: names("regioncode", "usgv")}},
		{`region: "eastus" is a region of cloud public, not of china [set policy.cloud to public]`, policy.Place{Cloud: "china", Region: "eastus"}},
		// names
		{`names.keyvualt: no placeholder "keyvualt" in any list [did you mean "keyvault"?]`, policy.Place{Names: names("keyvualt", "x")}},
		{`names.storage: no placeholder "storage" in any list [the names are dce, gateway, keyvault, regioncode, witness, workspace]`,
			policy.Place{Names: names("storage", "x")}},
		{`names.region: no placeholder "region" in any list [the region has a setting of its own: policy.region]`,
			policy.Place{Names: names("region", "eastus")}},
		// all at once, in a stable order
		{`names.gateway: "a.b": want one label: letters, digits and hyphens [it is the id of the Azure Arc gateway: the first label of its URL]` +
			`; names.x: no placeholder "x" in any list [the names are dce, gateway, keyvault, regioncode, witness, workspace]` +
			`; region: "*": want the name of a region, such as eastus [if it is newer than this program, give its short name too: policy.names.regioncode]`,
			policy.Place{Region: "*", Names: names("x", "y", "gateway", "A.b")}},
	}
	for _, tt := range tests {
		var got []string
		for _, e := range catalog.CheckPlace(tt.place) {
			got = append(got, e.Error()+" ["+e.Hint+"]")
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.place, s, tt.want)
		}
		if _, err := catalog.Get("hci", tt.place); (err != nil) != (tt.want != "") {
			t.Errorf("%+v: Get: %v", tt.place, err)
		}
	}
}

// Every placeholder of the lists is documented, and every documented one is in a list.
func TestPlaceholderNames(t *testing.T) {
	placeholder := regexp.MustCompile(`\{([^}]*)\}`)
	used := map[string]bool{}
	for _, l := range all(t) {
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				for _, m := range placeholder.FindAllStringSubmatch(e.Host, -1) {
					used[m[1]] = true
				}
				if strings.ContainsAny(e.Host, "<>[]") || strings.HasPrefix(e.Host, "your") {
					t.Errorf("%s@%s: host %q is not filled by any name", l.Name, l.Generation, e.Host)
				}
			}
		}
	}
	delete(used, "region")
	for _, name := range catalog.PlaceholderNames() {
		if !used[name] || catalog.PlaceholderMeaning(name) == "" {
			t.Errorf("placeholder %q: used %v, meaning %q", name, used[name], catalog.PlaceholderMeaning(name))
		}
		delete(used, name)
	}
	if len(used) > 0 {
		t.Errorf("not documented: %v", used)
	}
}

func TestNoneIsNotReminded(t *testing.T) {
	list := get(t, "keyvault", policy.Place{Names: map[string]string{"keyvault": "None"}})
	if len(list.Entries) > 0 || len(list.Disabled) != 1 || !list.Disabled[0].Final {
		t.Errorf("keyvault: none gives %+v", list)
	}
	if list = get(t, "keyvault", policy.Place{}); len(list.Disabled) != 1 || list.Disabled[0].Final {
		t.Errorf("no keyvault gives %+v", list)
	}
}
