package catalog_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/policy"
)

// everywhere are places that together reach every endpoint which is not disabled.
func everywhere() []policy.Place {
	names := map[string]string{"keyvault": "vault1", "witness": "witness1", "gateway": "gateway1"}
	places := []policy.Place{
		{Cloud: "china", Region: "chinaeast2", Names: names},
		{Cloud: "usgov", Region: "usgovvirginia", Names: names},
	}
	for _, region := range []string{
		"australiaeast", "canadacentral", "centralindia", "eastus", "japaneast", "southcentralus", "southeastasia", "westeurope",
	} {
		places = append(places, policy.Place{Cloud: "public", Region: region, Names: names})
	}
	return places
}

func all(t testing.TB) []*catalog.List {
	t.Helper()
	lists, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

func get(t testing.TB, name string, place policy.Place) policy.List {
	t.Helper()
	list, err := catalog.Get(name, place)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// lines are entries as a list file would have them, without their keys.
func lines(list policy.List) []string {
	var out []string
	for _, e := range list.Entries {
		line, _, _ := strings.Cut(e.String(), " ")
		out = append(out, line)
	}
	return out
}

func TestDefaultLists(t *testing.T) {
	tests := []struct {
		name string
		want []string
	}{
		{"hci@2021-12", []string{
			"http://*.azurefd.net", "https://*.azurefd.net", "https://login.microsoftonline.com", "https://graph.microsoft.com",
			"https://graph.windows.net", "https://management.azure.com", "https://azurestackhci.azurefd.net",
		}},
		{"arc@2021-12", []string{"https://*.his.arc.azure.com", "https://*.guestconfiguration.azure.com"}},
		{"update@2021-12", []string{
			"http://windowsupdate.microsoft.com", "http://*.windowsupdate.microsoft.com", "https://*.windowsupdate.microsoft.com",
			"http://*.update.microsoft.com", "https://*.update.microsoft.com", "http://*.windowsupdate.com",
			"http://download.windowsupdate.com", "https://download.microsoft.com", "http://*.download.windowsupdate.com",
			"http://wustat.windows.com", "http://ntservicepack.microsoft.com", "http://go.microsoft.com",
			"http://dl.delivery.mp.microsoft.com", "https://dl.delivery.mp.microsoft.com",
			"http://*.windowsupdate.com", "https://*.windowsupdate.com",
		}},
		// without a generation a list is given in its newest
		{"keyvault", []string{"https://vault1.vault.azure.net"}},
	}
	for _, tt := range tests {
		got := lines(get(t, tt.name, policy.Place{Names: map[string]string{"keyvault": "Vault1"}}))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.name, got, tt.want)
		}
	}
}

func TestSourceAndTags(t *testing.T) {
	list := get(t, "tools", policy.Place{})
	if e := list.Entries[0]; e.Source != "catalog tools, entry 1" {
		t.Errorf("source of an unpinned list: %q", e.Source)
	}
	e := get(t, "arc@2021-12", policy.Place{}).Entries[0]
	if e.Source != "catalog arc@2021-12, entry 2" || e.ID != "his" || e.Tag != "AzureArcInfrastructure,AzureTrafficManager" {
		t.Errorf("first entry of arc: source %q, id %q, tag %q", e.Source, e.ID, e.Tag)
	}
	e = get(t, "tools", policy.Place{}).Entries[0]
	if e.Path != "/download/details.aspx" || e.Query != "id=56519" {
		t.Errorf("tools: path %q, query %q", e.Path, e.Query)
	}
	e = get(t, "arc-k8s@2026-07", policy.Place{Region: "westeurope"}).Entries[0]
	if e.Host.String() != "management.azure.com" {
		t.Errorf("first entry of arc-k8s: %s", e)
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name  string
		place policy.Place
		want  string
	}{
		{"hcl", policy.Place{}, `no catalog list "hcl" (did you mean "hci"?); the lists are aks, arb, arc,`},
		{"Updates@2021-12", policy.Place{}, `did you mean "update"?`},
		{"completely-else", policy.Place{}, `no catalog list "completely-else"; the lists are`},
		{"", policy.Place{}, `no catalog list ""; the lists are`},
		{"hci@2020-01", policy.Place{}, `"hci" has no generation "2020-01"; it has 2021-12, 2022-04, 2023-01, 2023-12, 2026-07`},
		{"hci@", policy.Place{}, `has no generation ""`},
		{"hci", policy.Place{Cloud: "mars"}, `policy.cloud: "mars": want public, china or usgov`},
		// a value that would widen a rule, or lead elsewhere
		{"hci", policy.Place{Region: "*"}, `policy.region: "*": want the name`},
		{"hci", policy.Place{Region: "east us"}, `(did you mean "eastus"?)`},
		{"hci", policy.Place{Names: map[string]string{"keyvault": "*"}}, `policy.names.keyvault: "*": want one label`},
		{"hci", policy.Place{Names: map[string]string{"witness": "evil.example/"}}, "policy.names.witness"},
		{"hci", policy.Place{Names: map[string]string{"gateway": "a.b"}}, "policy.names.gateway"},
		{"hci", policy.Place{Names: map[string]string{"gateway": "{region}"}}, "policy.names.gateway"},
	}
	for _, tt := range tests {
		_, err := catalog.Get(tt.name, tt.place)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Get(%q, %+v): %v, want %q", tt.name, tt.place, err, tt.want)
		}
	}
}

func TestInfo(t *testing.T) {
	got, err := catalog.Info("arc@2021-12")
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Summary{
		Name: "arc", Title: "Azure Arc-enabled servers", Generation: "2021-12",
		Generations: []string{"2021-02", "2021-12", "2023-01", "2026-07"},
		Sources:     []string{"Firewall requirements for Azure Stack HCI (Microsoft documentation)"},
		Date:        "2021-12-14", Endpoints: 4, Disabled: 2,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Info(arc) = %+v, want %+v", got, want)
	}
}

// A list without a generation is the newest one.
func TestUnpinnedIsNewest(t *testing.T) {
	tests := []struct{ want, name string }{
		{"2026-07", "aks"},
		{"2026-11", "update"},
		{"2023-01", "qualys"}, // which has no newer one
		{"2025-11", "update@2025-11"},
	}
	for _, tt := range tests {
		l, err := catalog.Open(tt.name)
		if err != nil || l.Generation != tt.want {
			t.Errorf("Open(%q): generation %v, %v, want %s", tt.name, l, err, tt.want)
		}
	}
}
