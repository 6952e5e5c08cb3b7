package catalog_test

import (
	"net/netip"
	"os"
	"reflect"
	"regexp"
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

func TestEveryFileIsAList(t *testing.T) {
	day := regexp.MustCompile(`^20\d\d(-\d\d(-\d\d)?)?$`)
	for _, l := range all(t) {
		name := l.Name + "@" + l.Generation
		if l.Title == "" || l.Title == l.Name {
			t.Errorf("%s: no title", name)
		}
		for _, d := range l.Documents {
			if d.Source == "" || !day.MatchString(d.Date) || len(d.Endpoints) == 0 {
				t.Errorf("%s: source %q of date %q with %d endpoints", name, d.Source, d.Date, len(d.Endpoints))
			}
			// The history of a list is dated by when it dropped the lines.
			if d.Date[:4] > l.Generation[:4] && !strings.HasSuffix(d.Source, "history") {
				t.Errorf("%s: source %q is of %s, later than its generation", name, d.Source, d.Date)
			}
			for _, e := range d.Endpoints {
				if !slices.Contains([]string{"public", "china", "usgov"}, e.Cloud) ||
					!slices.Contains([]string{"required daily", "registration", "optional"}, e.When) || e.Raw == "" || e.Description == "" {
					t.Errorf("%s: %s: cloud %q, when %q, raw %q, description %q", name, e.ID, e.Cloud, e.When, e.Raw, e.Description)
				}
			}
		}
	}
}

// The numbers of rows in the tables that the lists were made from.
func TestNoRowIsLost(t *testing.T) {
	want := map[string]int{
		"2021-02": 10, "2021-12": 60, "2022-04": 8, "2023-01": 319, "2023-12": 24, "2025-11": 17, "2026-07": 501,

		"hci@2021-12": 11, "update@2021-12": 15, "arc@2021-12": 4, "portal@2021-12": 18, "azure-services@2021-12": 4,
		"aks@2021-12": 3, "wac@2021-12": 1, "gallery@2021-12": 3, "tools@2021-12": 1,

		"aks": 118, "arb": 88, "arc": 112, "arc-gateway": 3, "arc-gateway-reduced": 35, "arc-k8s": 58, "auth": 20,
		"azure-services": 4, "checker": 23, "crl": 16, "defender": 2, "gallery": 7, "hci": 64, "keyvault": 2,
		"monitoring": 32, "ocsp": 15, "oem-dataon": 3, "oem-dell": 4, "oem-hitachi": 2, "oem-hpe": 5, "oem-lenovo": 4,
		"portal": 137, "qualys": 6, "remote-support": 23, "tools": 1, "update": 81, "wac": 73, "witness": 1,
	}
	got := map[string]int{}
	total := 0
	for _, l := range all(t) {
		for _, d := range l.Documents {
			got[l.Name] += len(d.Endpoints)
			got[l.Generation] += len(d.Endpoints)
			got[l.Name+"@"+l.Generation] += len(d.Endpoints)
			total += len(d.Endpoints)
		}
	}
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%s has %d endpoints, want %d", key, got[key], n)
		}
	}
	for _, name := range catalog.Names() {
		if want[name] == 0 {
			t.Errorf("list %s is in no row of this test", name)
		}
	}
	if total != 939 {
		t.Errorf("%d endpoints in all, want 939", total)
	}
}

// testdata/2021-12.txt has the text of every line of the document's tables: set, cloud, text.
func TestTheWholeDocumentIsThere(t *testing.T) {
	var got []string
	for _, l := range all(t) {
		if l.Generation != "2021-12" {
			continue
		}
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				got = append(got, l.Name+"\t"+e.Cloud+"\t"+e.Raw)
			}
		}
	}
	data, err := os.ReadFile("testdata/2021-12.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(data)), "\n")
	for _, line := range want {
		if i := slices.Index(got, line); i < 0 {
			t.Errorf("missing: %s", line)
		} else {
			got = slices.Delete(got, i, i+1)
		}
	}
	for _, line := range got {
		t.Errorf("not in the document: %s", line)
	}
}

func TestEveryEntryIsARule(t *testing.T) {
	for _, l := range all(t) {
		name := l.Name + "@" + l.Generation
		for _, place := range everywhere() {
			list := get(t, name, place)
			ids := map[string]bool{}
			for _, e := range list.Entries {
				if ids[e.ID] {
					t.Errorf("%s: id %s is there twice", name, e.ID)
				}
				ids[e.ID] = true
				back, err := policy.ParseEntry(e.String())
				if err != nil {
					t.Errorf("%s: %s: %v", name, e, err)
					continue
				}
				back.Source = e.Source
				if !reflect.DeepEqual(back, e) {
					t.Errorf("%s: %s reads back as %s", name, e, back)
				}
			}
		}
	}
}

// Each endpoint is, for each place, a rule, or disabled, or not for that place; and somewhere it is
// one of the first two.
func TestNothingIsDroppedSilently(t *testing.T) {
	for _, l := range all(t) {
		name := l.Name + "@" + l.Generation
		seen := map[string]bool{}
		for _, place := range everywhere() {
			list := get(t, name, place)
			for _, e := range list.Entries {
				seen[strings.TrimSuffix(e.ID, "-http")], seen[e.ID] = true, true
			}
			for _, e := range list.Disabled {
				if e.Reason == "" || e.Text == "" || e.Source == "" || e.ID == "" {
					t.Errorf("%s: disabled without saying why: %+v", name, e)
				}
				seen[e.ID] = true
			}
		}
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				if !seen[e.ID] {
					t.Errorf("%s: %s is nowhere a rule, and nowhere disabled", name, e.ID)
				}
			}
		}
	}
}

func TestSameEndpointSameID(t *testing.T) {
	ids := map[string]string{} // list, host, path -> id without its number
	number := regexp.MustCompile(`-\d$`)
	for _, l := range all(t) {
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				if e.Host == "" || e.Cloud != "public" || len(e.Regions) > 0 {
					continue
				}
				key := l.Name + " " + e.Host + e.Path
				id := number.ReplaceAllString(strings.TrimSuffix(e.ID, "-http"), "")
				if old := ids[key]; old != "" && old != id {
					t.Errorf("%s is %s in one generation, %s in %s", key, old, id, l.Generation)
				}
				ids[key] = id
			}
		}
	}
}

func TestDefaultLists(t *testing.T) {
	tests := []struct {
		name string
		want []string
	}{
		{"hci", []string{
			"http://*.azurefd.net", "https://*.azurefd.net", "https://login.microsoftonline.com", "https://graph.microsoft.com",
			"https://graph.windows.net", "https://management.azure.com", "https://azurestackhci.azurefd.net",
		}},
		{"arc", []string{"https://*.his.arc.azure.com", "https://*.guestconfiguration.azure.com"}},
		{"update", []string{
			"http://windowsupdate.microsoft.com", "http://*.windowsupdate.microsoft.com", "https://*.windowsupdate.microsoft.com",
			"http://*.update.microsoft.com", "https://*.update.microsoft.com", "http://*.windowsupdate.com",
			"http://download.windowsupdate.com", "https://download.microsoft.com", "http://*.download.windowsupdate.com",
			"http://wustat.windows.com", "http://ntservicepack.microsoft.com", "http://go.microsoft.com",
			"http://dl.delivery.mp.microsoft.com", "https://dl.delivery.mp.microsoft.com",
			"http://*.windowsupdate.com", "https://*.windowsupdate.com",
		}},
		// a list without the default generation is given in its newest
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
	list := get(t, "arc", policy.Place{})
	e := list.Entries[0]
	if e.Source != "catalog arc, entry 2" || e.ID != "his" || e.Tag != "AzureArcInfrastructure,AzureTrafficManager" {
		t.Errorf("first entry of arc: source %q, id %q, tag %q", e.Source, e.ID, e.Tag)
	}
	if e := get(t, "arc@2021-12", policy.Place{}).Entries[0]; e.Source != "catalog arc@2021-12, entry 2" {
		t.Errorf("source of a pinned list: %q", e.Source)
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

// reason returns why the endpoint with this text is disabled, or "" if it is not.
func reason(list policy.List, text string) string {
	for _, e := range list.Disabled {
		if e.Text == text {
			return e.Reason
		}
	}
	return ""
}

func TestDisabled(t *testing.T) {
	none := policy.Place{}
	tests := []struct {
		list  string
		place policy.Place
		text  string
		want  string // a part of the reason; "": not disabled
	}{
		// what no rule can express
		{"arc", none, "git://:9418 port 9,418", "names no host"},
		{"arc", policy.Place{Cloud: "china"}, "Coming soon.", "names no host yet"},
		{"arb@2026-07", none, "time.windows.com", "UDP port 123"},
		// a cloud without a column: no line of another cloud stands in
		{"update", policy.Place{Cloud: "china"}, "http://windowsupdate.microsoft.com", "no column for cloud china"},
		{"hci", policy.Place{Cloud: "usgov"}, "https://login.microsoftonline.com", "no column for cloud usgov"},
		{"hci", policy.Place{Cloud: "usgov"}, "https://login.partner.microsoftonline.cn", ""},
		{"hci", policy.Place{Cloud: "china"}, "https://login.microsoftonline.com", ""},
		// placeholders
		{"keyvault", none, "yourhcikeyvaultname.vault.azure.net", "policy.names.keyvault"},
		{"arc-gateway", none, "yourarcgatewayendpointid.gw.arc.azure.com", "policy.names.gateway"},
		{"arc-k8s@2026-07", none, "https://<region>.login.microsoft.com", "policy.region"},
		{"arc-gateway-reduced", none, "https://<yourblobstorageforcloudwitnessname>.blob.core.windows.net", "policy.names.witness"},
		{"arc-gateway-reduced", policy.Place{Region: "norwayeast"}, "https://<region>.his.arc.azure.com", "policy.names.regioncode"},
		{"arc-gateway-reduced", policy.Place{Region: "westeurope"}, "https://<region>.his.arc.azure.com", ""},
		// lists by region: one region stands for all in what is reported
		{"arc@2026-07", none, "eus.his.arc.azure.com", "set policy.region"},
		{"arc@2026-07", none, "weu.his.arc.azure.com", ""},
		{"arc@2026-07", policy.Place{Region: "norwayeast"}, "eus.his.arc.azure.com", "no line for region norwayeast"},
		{"arc@2026-07", policy.Place{Region: "westeurope"}, "eus.his.arc.azure.com", ""},
	}
	for _, tt := range tests {
		got := reason(get(t, tt.list, tt.place), tt.text)
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s in %+v: %q is disabled for %q, want %q", tt.list, tt.place, tt.text, got, tt.want)
		}
	}
}

// The required daily endpoints of the 2021-12 document, as its China column has them.
func TestChina(t *testing.T) {
	want := []string{
		"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", "https://graph.chinacloudapi.cn",
		"https://management.chinacloudapi.cn", "https://dp.stackhci.azure.cn",
	}
	list := get(t, "hci@2021-12", policy.Place{Cloud: "china"})
	if got := lines(list); !slices.Equal(got, want) {
		t.Errorf("hci in china:\n got %v\nwant %v", got, want)
	}
	for _, name := range []string{"update", "gallery", "portal", "arc"} {
		if got := lines(get(t, name+"@2021-12", policy.Place{Cloud: "china"})); got != nil {
			t.Errorf("%s in china: %v, want nothing: the document has no such column", name, got)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	place := policy.Place{Region: "WestEurope", Names: map[string]string{"gateway": "gw1", "keyvault": "kv", "witness": "acct9"}}
	got := lines(get(t, "arc-gateway-reduced@2026-07", place))
	for _, want := range []string{
		"https://westeurope.login.microsoft.com", "https://weu.his.arc.azure.com", "https://westeurope.obo.arc.azure.com:8084",
		"https://gw1.gw.arc.azure.com", "https://kv.vault.azure.net", "https://acct9.blob.core.windows.net",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
	place = policy.Place{Region: "norwayeast", Names: map[string]string{"regioncode": "noe"}}
	if got := lines(get(t, "arc-gateway-reduced", place)); !slices.Contains(got, "https://noe.his.arc.azure.com") {
		t.Errorf("names.regioncode is not used: %v", got)
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
		{"hci", policy.Place{Cloud: "mars"}, `policy.cloud "mars": want public, china or usgov`},
		// a value that would widen a rule, or lead elsewhere
		{"hci", policy.Place{Region: "*"}, `policy.region "*"`},
		{"hci", policy.Place{Region: "east us"}, `policy.region "east us"`},
		{"hci", policy.Place{Names: map[string]string{"keyvault": "*"}}, `policy.names.keyvault "*": want one label`},
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
	got, err := catalog.Info("arc")
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

func TestDefaultGeneration(t *testing.T) {
	tests := []struct{ want, name string }{
		{"2021-12", "aks"},     // not its oldest, not its newest
		{"2026-07", "arc-k8s"}, // without the default generation: its newest
		{"2023-01", "qualys"},
		{"2025-11", "update@2025-11"},
	}
	for _, tt := range tests {
		l, err := catalog.Open(tt.name)
		if err != nil || l.Generation != tt.want {
			t.Errorf("Open(%q): generation %v, %v, want %s", tt.name, l, err, tt.want)
		}
	}
}

// library is the catalog, and nothing else, for policy.Compile.
type library struct{}

func (library) List(name string, place policy.Place) (policy.List, error) {
	return catalog.Get(name, place)
}
func (library) File(string) ([]policy.Entry, error)             { return nil, os.ErrNotExist }
func (library) Prefixes(string, string) ([]netip.Prefix, error) { return nil, os.ErrNotExist }

func TestEveryListCompiles(t *testing.T) {
	for _, place := range everywhere() {
		spec := policy.Spec{Cloud: place.Cloud, Region: place.Region, Names: place.Names}
		for _, l := range all(t) {
			id := l.Name + "-" + l.Generation
			spec.Rules = append(spec.Rules, policy.RuleSpec{ID: id, List: l.Name + "@" + l.Generation})
		}
		if _, err := policy.Compile(&spec, library{}, policy.Env{}); err != nil {
			t.Errorf("%s %s: %v", place.Cloud, place.Region, err)
		}
	}
}
