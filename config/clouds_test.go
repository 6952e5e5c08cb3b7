package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/catalog"
	"webproxy/policy"
)

// initialised is the policy that webproxy init writes for p.
func initialised(t *testing.T, p InitParams) *policy.Set {
	t.Helper()
	dir := t.TempDir()
	files, _, err := Init(p)
	must(t, err)
	for _, f := range files {
		put(t, f.Local(dir), string(f.Data))
	}
	c, err := Load(filepath.Join(dir, "webproxy.yaml"))
	must(t, err)
	return c.Set
}

// permits reports whether set lets a client fetch url.
func permits(t *testing.T, set *policy.Set, url string) bool {
	t.Helper()
	method := "GET"
	if strings.HasPrefix(url, "https:") {
		method = "CONNECT"
	}
	req, err := policy.NewRequest(netip.MustParseAddr("127.0.0.1"), method, url, time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	must(t, err)
	return set.Decide(&req).Permit
}

// A site that init prepared passes Microsoft's own validator, in every region that has a manifest, with
// and without an Arc gateway, for every release. Informational targets are asked for too.
func TestInitPassesTheValidator(t *testing.T) {
	data, err := os.ReadFile("testdata/validator-2026-06.txt")
	must(t, err)
	public := []string{"australiaeast", "canadacentral", "centralindia", "eastus", "japaneast", "southcentralus", "southeastasia", "westeurope"}
	for _, region := range append(public, "usgovvirginia") {
		for _, release := range catalog.Releases() {
			p := InitParams{Region: region, Release: release}
			if region == "usgovvirginia" {
				p.Cloud = "usgov"
			}
			set, asked := initialised(t, p), 0
			for line := range strings.Lines(string(data)) {
				f := strings.Fields(line)
				if f[0] == "#" {
					continue
				}
				regions := strings.Split(f[0], ",")
				if !slices.Contains(regions, region) && !(regions[0] == "public" && p.Cloud == "") {
					continue
				}
				asked++
				if !permits(t, set, f[3]) {
					t.Errorf("%s, release %s: the %s target %s is refused", region, release, f[1], f[3])
				}
			}
			if asked < 40 {
				t.Errorf("%s: %d targets asked for, want them all", region, asked)
			}
		}
	}
}

// Windows asks the same hosts for updates in every cloud.
func TestInitUpdatesWindows(t *testing.T) {
	hosts := []string{
		"https://slscr.update.microsoft.com/SLS/x", "https://fe2cr.update.microsoft.com/v6/", "https://sls.update.microsoft.com/x",
		"https://fe3.delivery.mp.microsoft.com/x", "https://fe3cr.delivery.mp.microsoft.com/ClientWebService/client.asmx",
		"http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/x", "http://11.tlu.dl.delivery.mp.microsoft.com/x",
		"http://dl.delivery.mp.microsoft.com/x", "https://2.dl.delivery.mp.microsoft.com/x",
		"http://au.download.windowsupdate.com/c/msdownload/x.cab", "http://download.windowsupdate.com/x", "http://1a.au.download.windowsupdate.com/x",
		"http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab", "https://download.windowsupdate.com/x",
		"https://geo.prod.do.dsp.mp.microsoft.com/geo", "https://kv601.prod.do.dsp.mp.microsoft.com/all", "https://tsfe.trafficshaping.dsp.mp.microsoft.com/x",
		"http://emdl.ws.microsoft.com/x", "https://download.microsoft.com/x", "https://go.microsoft.com/fwlink/?LinkID=1", "http://go.microsoft.com/fwlink/",
		"https://settings-win.data.microsoft.com/settings/v3.0/x", "http://windowsupdate.microsoft.com/",
		// and what it verifies certificates by
		"http://crl.microsoft.com/pki/crl/products/x.crl", "http://crl.microsoft.com/pkiinfra/CRL/x.crl", "http://www.microsoft.com/pkiops/crl/x.crl",
		"http://crl3.digicert.com/x.crl", "http://ocsp.digicert.com/x", "http://oneocsp.microsoft.com/ocsp/x",
	}
	for _, p := range []InitParams{
		{Region: "eastus"}, {Region: "eastus", Release: "2411"}, {Region: "uksouth"}, {Region: "norwayeast"}, {Cloud: "usgov"},
		{Cloud: "china"}, {Cloud: "china", Region: "chinaeast2"},
	} {
		set := initialised(t, p)
		for _, url := range hosts {
			if !permits(t, set, url) {
				t.Errorf("%+v: %s is refused", p, url)
			}
		}
	}
}

// Azure Arc works wherever there is Azure, and hosts that are nobody's do not.
func TestInitAllowsArc(t *testing.T) {
	for _, tt := range []struct {
		p    InitParams
		urls string
	}{
		{InitParams{Region: "uksouth"}, "https://gbl.his.arc.azure.com https://uks.his.arc.azure.com https://agentserviceapi.guestconfiguration.azure.com https://login.microsoftonline.com"},
		{InitParams{Cloud: "china"}, "https://gbl.his.arc.azure.cn https://agentserviceapi.guestconfiguration.azure.cn https://login.chinacloudapi.cn https://management.chinacloudapi.cn https://dp.stackhci.azure.cn"},
		{InitParams{Region: "eastus"}, "https://cdn.powershellgallery.com https://cdn.oneget.org https://eastus2.data.mcr.microsoft.com https://prod5.prod.microsoftmetrics.com https://pipelineagent.azurecr.io"},
	} {
		set := initialised(t, tt.p)
		for _, url := range strings.Fields(tt.urls) {
			if !permits(t, set, url) {
				t.Errorf("%+v: %s is refused", tt.p, url)
			}
		}
		for _, url := range []string{"https://example.org", "https://login.microsoftonline.com.example.org", "http://pastebin.com"} {
			if permits(t, set, url) {
				t.Errorf("%+v: %s is permitted", tt.p, url)
			}
		}
	}
}
