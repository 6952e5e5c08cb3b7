package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/policy"
)

const regionalLists = "Azure/AzureStack-Tools HCI/ regional lists"

// profile is a place with every name filled.
func profile(region string, names ...string) policy.Place {
	p := policy.Place{Cloud: cloudOf(region), Region: region, Names: map[string]string{"keyvault": "vault1", "witness": "acct1"}}
	for i := 0; i < len(names); i += 2 {
		p.Names[names[i]] = names[i+1]
	}
	return p
}

func bundleLines(t *testing.T, name string, place policy.Place) []catalog.Line {
	t.Helper()
	all, err := catalog.Lines(name, place)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The numbers of rows that Microsoft's consolidated list of each region has.
func TestRegionalProfiles(t *testing.T) {
	want := map[string]int{
		"australiaeast": 79, "canadacentral": 80, "centralindia": 79, "eastus": 83, "japaneast": 80,
		"southcentralus": 80, "southeastasia": 80, "usgovvirginia": 80, "westeurope": 80,
	}
	for region, rows := range want {
		got := 0
		var off []string
		for _, l := range bundleLines(t, "azure-local@2026-07", profile(region)) {
			if !strings.HasPrefix(l.Document.Source, regionalLists) {
				continue
			}
			got++
			if l.Disabled != nil {
				off = append(off, l.Disabled.Text)
			}
		}
		if got != rows {
			t.Errorf("%s: %d rows of its list, want %d", region, got, rows)
		}
		gateway := "yourarcgatewayendpointid.gw.arc.azure.com"
		if region == "usgovvirginia" {
			gateway = "yourarcgatewayendpointid.gw.arc.azure.net"
		}
		slices.Sort(off)
		if !slices.Equal(off, []string{"time.windows.com", gateway}) {
			t.Errorf("%s: not in force: %v, want time.windows.com (UDP) and the gateway that is not there", region, off)
		}
	}
}

// With a gateway: no line it reaches, all lines it does not, those documented as not redirected, and
// both spellings of its own name.
func TestAzureLocalWithGateway(t *testing.T) {
	without := get(t, "azure-local", profile("eastus"))
	with := get(t, "azure-local", profile("eastus", "gateway", "gw1"))
	if len(with.Entries) >= len(without.Entries)/2 {
		t.Errorf("%d entries with a gateway, %d without: not reduced", len(with.Entries), len(without.Entries))
	}
	got := lines(with)
	for _, want := range []string{
		"https://gw1.gw.arc.azure.com", "https://gw1.gw.arc.azure.net", "https://login.microsoftonline.com",
		"https://eus.his.arc.azure.com", "https://eastus.login.microsoft.com", "https://vault1.vault.azure.net",
		"https://acct1.blob.core.windows.net", "http://ocsp.digicert.com", "http://crl.microsoft.com/pkiinfra",
		"https://eastus.obo.arc.azure.com:8084", "http://www.msftconnecttest.com/connecttest.txt", "https://packages.microsoft.com",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s with a gateway", want)
		}
	}
	for _, no := range []string{
		"https://mcr.microsoft.com", "https://*.blob.core.windows.net", "https://*.servicebus.windows.net", "https://portal.azure.com",
		"https://*.windowsupdate.com", "https://pypi.org", // not required from 2504 on
	} {
		if slices.Contains(got, no) {
			t.Errorf("%s with a gateway, which reaches it", no)
		}
	}
	for _, e := range with.Disabled {
		if e.Text != "time.windows.com" {
			t.Errorf("not in force with a gateway: %s: %s", e.Text, e.Reason)
		}
	}
	for _, e := range without.Entries {
		if strings.HasPrefix(e.ID, "arc-gateway-reduced.") {
			t.Errorf("%s without a gateway", e)
		}
	}
	if got := lines(get(t, "azure-local", profile("eastus", "gateway", "none"))); !slices.Equal(got, lines(without)) {
		t.Error("gateway: none differs from no gateway")
	}
}

func TestBundleMerges(t *testing.T) {
	for _, name := range []string{"azure-local@2025-05", "azure-local@2026-07", "azure-local@2026-11", "azure-stack-hci@2021-12"} {
		for region := range maps.Keys(shortNames) {
			for _, place := range []policy.Place{profile(region), profile(region, "gateway", "gw1"), {Cloud: cloudOf(region), Region: region}} {
				checkMerged(t, name, place)
			}
		}
	}
	// the first of equal entries stays, with the id and source of its own list
	list := get(t, "azure-local", profile("eastus"))
	i := slices.IndexFunc(list.Entries, func(e policy.Entry) bool { return e.Host.String() == "ocsp.digicert.com" })
	if e := list.Entries[i]; e.ID != "ocsp.ocsp-http" || e.Source != "catalog ocsp@2026-11, entry 1" {
		t.Errorf("ocsp.digicert.com: id %q, source %q", e.ID, e.Source)
	}
}

func checkMerged(t *testing.T, name string, place policy.Place) {
	t.Helper()
	ids, locations := map[string]bool{}, map[string]bool{}
	list := get(t, name, place)
	for _, e := range list.Entries {
		location, _, _ := strings.Cut(e.String(), " ")
		if ids[e.ID] || locations[location] {
			t.Errorf("%s in %s: %s is there twice", name, place.Region, e)
		}
		ids[e.ID], locations[location] = true, true
		if origin, _, ok := strings.Cut(e.ID, "."); !ok || !strings.HasPrefix(e.Source, "catalog "+origin+"@") {
			t.Errorf("%s: id %q, source %q", name, e.ID, e.Source)
		}
		if _, err := policy.ParseEntry(e.String()); err != nil {
			t.Errorf("%s: %s: %v", name, e, err)
		}
	}
	for _, d := range list.Disabled {
		if !strings.Contains(d.ID, ".") || d.Reason == "" {
			t.Errorf("%s: disabled: %+v", name, d)
		}
	}
}

// The bundle of the 2021-12 document is all lists of that generation.
func TestDocumentBundleIsWhole(t *testing.T) {
	b, err := catalog.OpenBundle("azure-stack-hci@2021-12")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(b.Parts[0].Lists))
	var want []string
	endpoints := 0
	for _, l := range all(t) {
		if l.Generation == "2021-12" {
			want = append(want, l.Name+"@2021-12")
			for _, d := range l.Documents {
				endpoints += len(d.Endpoints)
			}
		}
	}
	if !slices.Equal(got, want) || endpoints != 60 {
		t.Errorf("the bundle has %v, the generation %v with %d rows", got, want, endpoints)
	}
	merged := lines(get(t, "azure-stack-hci", policy.Place{}))
	for _, name := range want {
		for _, line := range lines(get(t, name, policy.Place{})) {
			if !slices.Contains(merged, line) {
				t.Errorf("%s of %s is missing", line, name)
			}
		}
	}
}

// Every part says why, and everything it names is there.
func TestBundlesNameWhatExists(t *testing.T) {
	for _, name := range catalog.BundleNames() {
		b, err := catalog.OpenBundle(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range b.Parts {
			if p.Why == "" || len(p.Lists) == 0 {
				t.Errorf("%s: part %d: why %q, lists %v", name, i, p.Why, p.Lists)
			}
			ids, sources := map[string]bool{}, 0
			for _, list := range p.Lists {
				l, err := catalog.Open(list)
				if err != nil || !strings.Contains(list, "@") {
					t.Errorf("%s: part %d: %q is no list with a generation: %v", name, i, list, err)
					continue
				}
				for _, d := range l.Documents {
					if strings.HasPrefix(d.Source, p.Source) {
						sources++
					}
					for _, e := range d.Endpoints {
						ids[e.ID] = true
					}
				}
			}
			if sources == 0 {
				t.Errorf("%s: part %d: no document of source %q", name, i, p.Source)
			}
			for _, id := range append(p.Only, p.Skip...) {
				if !ids[id] {
					t.Errorf("%s: part %d: no endpoint %q", name, i, id)
				}
			}
		}
	}
}

func TestBundleIsNoList(t *testing.T) {
	if _, err := catalog.Open("azure-local"); err == nil || !strings.Contains(err.Error(), "is a bundle") {
		t.Errorf("Open(azure-local): %v", err)
	}
	if _, err := catalog.OpenBundle("hci"); err == nil || !strings.Contains(err.Error(), "not a bundle") {
		t.Errorf("OpenBundle(hci): %v", err)
	}
	if _, err := catalog.Get("azure-locla", policy.Place{}); err == nil || !strings.Contains(err.Error(), `did you mean "azure-local"?`) {
		t.Errorf("Get(azure-locla): %v", err)
	}
	info, err := catalog.Info("azure-local")
	if err != nil || info.Generation != "2026-11" || len(info.Lists) != 19 || info.Date == "" || len(info.Sources) < 4 {
		t.Errorf("Info(azure-local): %+v, %v", info, err)
	}
}
