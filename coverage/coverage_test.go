package coverage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/catalog"
	"webproxy/coverage"
	"webproxy/internal/policytest"
	"webproxy/policy"
)

// regional are the documents in which Microsoft keeps one consolidated list for each region.
const regional = "Azure/AzureStack-Tools HCI/ regional lists"

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func compile(t *testing.T, spec policy.Spec, file string) *policy.Set {
	t.Helper()
	set, err := policy.Compile(&spec, policytest.Library{Catalog: catalog.Get, Files: map[string]string{"own.txt": file}}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func open(t *testing.T, name string, place policy.Place) *coverage.Profile {
	t.Helper()
	p, err := coverage.Open(name, place)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func texts(r coverage.Report, statuses ...coverage.Status) []string {
	var all []string
	for _, row := range r.Rows {
		if slices.Contains(statuses, row.Status) {
			all = append(all, row.Text)
		}
	}
	slices.Sort(all)
	return all
}

// What the policy of December 2021 does with the list of July 2026 for East US.
func TestEastUSBySeed(t *testing.T) {
	place := policy.Place{Cloud: "public", Region: "eastus"}
	profile, err := open(t, "azure-local@2026-07", place).From(regional)
	if err != nil {
		t.Fatal(err)
	}
	set := compile(t, policy.Spec{Region: "eastus", Rules: []policy.RuleSpec{{ID: "seed", List: "azure-stack-hci@2021-12"}}}, "")
	report := profile.Check(set, coverage.Options{Now: now})

	if got, want := report.Verdict(), "azure-local@2026-07 eastus: 59 of 83 covered (47 broad); 24 not: 1 path-only, 22 missing, 1 inexpressible"; got != want {
		t.Errorf("verdict\n got %s\nwant %s", got, want)
	}
	if report.Complete() {
		t.Error("complete, want incomplete")
	}
	misses := map[coverage.Status][]string{
		coverage.Missing: {
			// registries
			"https://aszk8snetworking.azurecr.io", "https://azurearcfork8s.azurecr.io", "https://azurearcfork8sdev.azurecr.io",
			"https://hciarcvmscontainerregistry.azurecr.io", "https://hybridaks.azurecr.io", "https://kvamanagementoperator.azurecr.io",
			"https://linuxgeneva-microsoft.azurecr.io",
			// revocation lists and certificate status
			"http://crl3.digicert.com", "http://crl4.digicert.com", "http://ocsp.digicert.com", "http://ocsp.globalsign.com",
			"http://ocsp2.globalsign.com", "http://s.symcd.com", "http://ts-crl.ws.symantec.com", "http://ts-ocsp.ws.symantec.com",
			// metrics
			"https://global.prod.microsoftmetrics.com", "https://prod5.prod.microsoftmetrics.com",
			"https://prod5.prod.hot.ingestion.msftcloudes.com",
			// and single ones
			"https://*.waconazure.com", "https://raw.githubusercontent.com", "http://www.msftconnecttest.com/connecttest.txt",
			"https://eastus.obo.arc.azure.com:8084", // *.azure.com is for ports 80 and 443
		},
		coverage.PathOnly:      {"https://aka.ms"}, // *.aka.ms is not for aka.ms itself
		coverage.Inexpressible: {"udp://time.windows.com:123"},
	}
	for status, want := range misses {
		slices.Sort(want)
		if got := texts(report, status); !slices.Equal(got, want) {
			t.Errorf("%s\n got %v\nwant %v", status, got, want)
		}
	}
}

// Each regional profile is complete by the lists of its own generation.
func TestOwnGeneration(t *testing.T) {
	regions := map[string]string{
		"eastus": "public", "westeurope": "public", "australiaeast": "public", "canadacentral": "public", "centralindia": "public",
		"japaneast": "public", "southcentralus": "public", "southeastasia": "public", "usgovvirginia": "usgov",
	}
	names := []map[string]string{
		{"keyvault": "vault1", "gateway": "none", "witness": "witness1"},
		{"keyvault": "vault1", "gateway": "gateway1", "witness": "witness1"},
	}
	for region, cloud := range regions {
		for _, names := range names {
			place := policy.Place{Cloud: cloud, Region: region, Names: names}
			spec := policy.Spec{Cloud: cloud, Region: region, Names: names, Rules: []policy.RuleSpec{{ID: "own", List: "azure-local"}}}
			report := open(t, "azure-local", place).Check(compile(t, spec, ""), coverage.Options{Now: now})
			if got := texts(report, coverage.Inexpressible); !slices.Equal(got, []string{"udp://time.windows.com:123"}) {
				t.Errorf("%s gateway %s: inexpressible %v, want time alone", region, names["gateway"], got)
			}
			if n := report.Count(coverage.Covered); n != len(report.Rows)-1 || n < 20 || !report.Complete() {
				t.Errorf("%s gateway %s: %s, want all but the time covered; not %v", region, names["gateway"], report.Verdict(),
					texts(report, coverage.Broad, coverage.Limited, coverage.PathOnly, coverage.Missing, coverage.Unknown))
			}
		}
	}
}

// The gateway reaches most hosts for the nodes.
func TestGateway(t *testing.T) {
	place := policy.Place{Region: "eastus", Names: map[string]string{"keyvault": "vault1"}}
	without := open(t, "azure-local@2026-07", place)
	place.Names["gateway"] = "gateway1"
	with := open(t, "azure-local@2026-07", place)
	if len(with.Endpoints) == 0 || len(with.Endpoints)*4 > len(without.Endpoints)*3 {
		t.Errorf("%d endpoints with a gateway, %d without, want far fewer", len(with.Endpoints), len(without.Endpoints))
	}
}

func TestStatus(t *testing.T) {
	type want struct {
		status coverage.Status
		rule   string
	}
	clients := map[string][]string{"nodes": {"10.0.1.0/24"}, "wac": {"10.0.2.0/24"}}
	phases := map[string]policy.PhaseSpec{"onboarding": {}}
	file := policy.RuleSpec{ID: "own", File: "own.txt"}
	login, blob := "https://login.microsoftonline.com", "https://*.blob.core.windows.net"
	tests := []struct {
		name  string
		want  want
		ask   string
		group string
		file  string
		rules []policy.RuleSpec
	}{
		{"nothing", want{coverage.Missing, ""}, login, "", "", nil},
		{"exact", want{coverage.Covered, "own"}, login, "", "login.microsoftonline.com", nil},
		{"the narrowest is named", want{coverage.Covered, "own/exact"}, login, "",
			"*.microsoftonline.com id=wide\nlogin.microsoftonline.com id=exact", nil},
		{"a domain", want{coverage.Broad, "own"}, login, "", "*.microsoftonline.com", nil},
		{"another form", want{coverage.Missing, ""}, login, "", "http://login.microsoftonline.com", nil},
		{"another port", want{coverage.Missing, ""}, login, "", "login.microsoftonline.com:8443", nil},
		{"expired", want{coverage.Missing, ""}, login, "", "login.microsoftonline.com expires=2026-01-01", nil},
		{"for a time", want{coverage.Limited, "own"}, login, "", "login.microsoftonline.com expires=2027-01-01", nil},
		{"in a phase", want{coverage.Limited, "own"}, login, "", "login.microsoftonline.com phase=onboarding", nil},
		{"broad beats limited", want{coverage.Broad, "own/wide"}, login, "",
			"login.microsoftonline.com phase=onboarding id=exact\n*.microsoftonline.com id=wide", nil},
		{"a path", want{coverage.PathOnly, "own"}, login, "", "login.microsoftonline.com/common", nil},
		{"a path, inspected", want{coverage.Missing, ""}, login, "", "",
			[]policy.RuleSpec{{ID: "in", URL: login + "/common", Inspect: true}}},
		{"methods", want{coverage.Missing, ""}, login, "", "",
			[]policy.RuleSpec{{ID: "get", Hosts: []string{"login.microsoftonline.com"}, Methods: []string{"GET"}}}},
		{"denied", want{coverage.Denied, "never"}, login, "", "login.microsoftonline.com",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.microsoftonline.com"}}}},
		{"denied in a phase", want{coverage.Limited, "own"}, login, "", "login.microsoftonline.com",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"*.microsoftonline.com"}, Phase: "onboarding"}}},
		{"some clients", want{coverage.Limited, "wac"}, login, "", "",
			[]policy.RuleSpec{{ID: "wac", Hosts: []string{"login.microsoftonline.com"}, For: []string{"wac"}}}},
		{"these clients", want{coverage.Covered, "wac"}, login, "wac", "",
			[]policy.RuleSpec{{ID: "wac", Hosts: []string{"login.microsoftonline.com"}, For: []string{"wac"}}}},
		{"other clients", want{coverage.Missing, ""}, login, "nodes", "",
			[]policy.RuleSpec{{ID: "wac", Hosts: []string{"login.microsoftonline.com"}, For: []string{"wac"}}}},
		// a wildcard is covered as a whole or not at all
		{"wildcard", want{coverage.Covered, "own"}, blob, "", "*.blob.core.windows.net", nil},
		{"a sample of it", want{coverage.Missing, ""}, blob, "", "www.blob.core.windows.net\na*.blob.core.windows.net", nil},
		{"wider", want{coverage.Broad, "own"}, blob, "", "*.core.windows.net", nil},
		{"a part denied", want{coverage.Limited, "own"}, blob, "", "*.blob.core.windows.net",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"evil.blob.core.windows.net"}}}},
		{"a part denied of nothing", want{coverage.Missing, ""}, blob, "", "",
			[]policy.RuleSpec{{ID: "never", Deny: true, Hosts: []string{"evil.blob.core.windows.net"}}}},
		// an unfilled name may be any
		{"unfilled", want{coverage.Missing, ""}, "https://{keyvault}.vault.azure.net", "", "mine.vault.azure.net", nil},
		{"unfilled, all admitted", want{coverage.Broad, "own"}, "https://{keyvault}.vault.azure.net", "", "*.azure.net", nil},
		// what is plain HTTP, with a path
		{"path", want{coverage.Covered, "own"}, "http://crl.microsoft.com/pkiinfra", "", "http://crl.microsoft.com/pkiinfra", nil},
		{"path above", want{coverage.Covered, "own"}, "http://crl.microsoft.com/pkiinfra", "", "http://crl.microsoft.com/pki*", nil},
		{"path below", want{coverage.Missing, ""}, "http://crl.microsoft.com/pkiinfra", "", "http://crl.microsoft.com/pkiinfra/x", nil},
	}
	profile := open(t, "azure-local@2026-07", policy.Place{Region: "eastus"})
	for _, tt := range tests {
		set := compile(t, policy.Spec{Clients: clients, Phases: phases, Rules: append(tt.rules, file)}, tt.file)
		row := find(t, profile.Check(set, coverage.Options{Group: tt.group, Now: now}), tt.ask)
		if row.Status != tt.want.status || row.Rule != tt.want.rule {
			t.Errorf("%s: %s is %s by %q (%s), want %s by %q", tt.name, tt.ask, row.Status, row.Rule, row.Why, tt.want.status, tt.want.rule)
		}
		if needsFix := row.Status == coverage.Missing || row.Status == coverage.Denied; needsFix && row.Fix == "" {
			t.Errorf("%s: %s without a fix", tt.name, row.Status)
		}
	}
}

func find(t *testing.T, r coverage.Report, text string) coverage.Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Text == text {
			return row
		}
	}
	t.Fatalf("no endpoint %s in %s", text, r.Profile)
	return coverage.Row{}
}

// The line that a missing endpoint's row gives makes it covered.
func TestFixCovers(t *testing.T) {
	place := policy.Place{Region: "eastus", Names: map[string]string{"keyvault": "vault1", "gateway": "none"}}
	profile := open(t, "azure-local@2026-07", place)
	nothing := compile(t, policy.Spec{}, "")
	var lines []string
	for _, row := range profile.Check(nothing, coverage.Options{Now: now}).Rows {
		if row.Status == coverage.Missing {
			lines = append(lines, row.Fix)
		}
	}
	own := compile(t, policy.Spec{Rules: []policy.RuleSpec{{ID: "own", File: "own.txt"}}}, strings.Join(lines, "\n"))
	if report := profile.Check(own, coverage.Options{Now: now}); report.Count(coverage.Covered) != len(lines) || !report.Complete() {
		t.Errorf("%s, want all but the time covered", report.Verdict())
	}
}

// A missing optional endpoint is shown, and the report is still complete.
func TestOptional(t *testing.T) {
	place := policy.Place{Region: "eastus", Names: map[string]string{"keyvault": "vault1", "gateway": "none"}}
	profile := open(t, "azure-local@2026-07", place)
	var lines []string
	for _, e := range profile.Endpoints {
		if e.Need.Required() && !strings.HasPrefix(e.Text, "udp") {
			lines = append(lines, e.Text)
		}
	}
	rules := []policy.RuleSpec{{ID: "own", File: "own.txt"}}
	report := profile.Check(compile(t, policy.Spec{Rules: rules}, strings.Join(lines, "\n")), coverage.Options{Now: now})
	if !report.Complete() || report.Count(coverage.Missing) == 0 {
		t.Errorf("%s, want it complete, with something optional missing", report.Verdict())
	}
	report = profile.Check(compile(t, policy.Spec{Rules: rules}, strings.Join(lines[1:], "\n")), coverage.Options{Now: now})
	if report.Complete() {
		t.Errorf("complete without %s, want incomplete", lines[0])
	}
}

// Without a region nobody knows which hosts are meant.
func TestUnknown(t *testing.T) {
	report := open(t, "azure-local@2026-07", policy.Place{}).Check(compile(t, policy.Spec{}, ""), coverage.Options{Now: now})
	row := find(t, report, "https://eus.his.arc.azure.com")
	if row.Status != coverage.Unknown || !strings.Contains(row.Why, "policy.region") {
		t.Errorf("eus.his.arc.azure.com without a region: %s (%s), want unknown, naming policy.region", row.Status, row.Why)
	}
}

func TestFromUnknownDocument(t *testing.T) {
	_, err := open(t, "azure-local@2026-07", policy.Place{Region: "eastus"}).From("no such")
	if err == nil || !strings.Contains(err.Error(), regional) {
		t.Errorf("From(no such) = %v, want an error naming the documents", err)
	}
}
