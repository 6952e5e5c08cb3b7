package catalog_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"

	"webproxy/catalog"
)

// Every domain below which anybody can have a name is known as one; those left out are of one owner.
func TestSharedDomains(t *testing.T) {
	ofOneOwner := map[string]string{
		"microsoft.com": "Microsoft's own names", "microsoftonline.com": "tenants are told apart by path", "mcr.microsoft.com": "Microsoft's own registry",
		"wvd.microsoft.com": "gateways of Microsoft's", "applicationinsights.io": "one API", "loganalytics.io": "one API",
		"azk8s.io": "Microsoft's mirror", "helm.sh": "one project", "k8s.io": "one project",
	}
	text, err := os.ReadFile("testdata/shared-domains.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		domain := strings.TrimSpace(line)
		if domain == "" || domain[0] == '#' {
			continue
		}
		n++
		s, shared := catalog.SharedUnder(domain)
		if _, one := ofOneOwner[domain]; shared == one {
			t.Errorf("SharedUnder(%q) = %+v, %v", domain, s, shared)
		}
	}
	if n < 190 {
		t.Errorf("only %d domains", n)
	}
}

// The domains above the suffixes of the Public Suffix List, its wildcard rules among them, are what that list says.
func TestAboveSuffixes(t *testing.T) {
	text, err := os.ReadFile("suffixes_above.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		above, rule, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || above == "#" {
			continue
		}
		n++
		suffix := strings.Replace(rule, "*", "x", 1)
		if got, _ := publicsuffix.PublicSuffix(suffix); got != suffix || !strings.HasSuffix(rule, "."+above) {
			t.Errorf("%s: %s is no public suffix below it, %s is", above, rule, got)
		}
		if _, shared := catalog.SharedUnder(above); !shared {
			t.Errorf("*.%s admits every name below %s, and is not shared", above, rule)
		}
	}
	if n < 500 {
		t.Errorf("only %d domains", n)
	}
}

func TestOwner(t *testing.T) {
	for host, want := range map[string]string{
		"www.dell.com": "dell.com", "login.microsoftonline.com": "microsoftonline.com", "gbl.his.arc.azure.com": "azure.com",
		"acct.blob.core.windows.net": "acct.blob.core.windows.net", "acct.z13.web.core.windows.net": "acct.z13.web.core.windows.net",
		"x.acct.azurewebsites.net": "acct.azurewebsites.net", "contoso.azurecr.io": "contoso.azurecr.io",
		"vm.eastus.cloudapp.azure.com": "vm.eastus.cloudapp.azure.com", "b.s3.amazonaws.com": "b.s3.amazonaws.com",
		"a.b.example.co.uk": "example.co.uk",
		// nobody's alone
		"eastus.cloudapp.azure.com": "", "prod-1.eastus.logic.azure.com": "", "a.webhook.site": "", "s3.amazonaws.com": "", "com": "", "blob.core.windows.net": "",
	} {
		if got := catalog.Owner(host); got != want {
			t.Errorf("Owner(%q) = %q, want %q", host, got, want)
		}
	}
}

// Services that exist to receive data are a class of their own, at any depth.
func TestReceiver(t *testing.T) {
	for _, host := range []string{"webhook.site", "a.b.requestcatcher.com", "x1.ngrok.io", "8080.euw.devtunnels.ms", "transfer.sh", "api.telegram.org"} {
		if catalog.Receiver(host) == "" {
			t.Errorf("%s receives what anybody sends", host)
		}
	}
	for _, host := range []string{"site", "www.microsoft.com", "notwebhook.site", "acct.blob.core.windows.net", "slack.com"} {
		if what := catalog.Receiver(host); what != "" {
			t.Errorf("%s is no %s", host, what)
		}
	}
}

// Names that are easily mistaken for one of a list are found, and other names are not.
func TestResembles(t *testing.T) {
	listed := catalog.ListedDomains()
	for host, want := range map[string]string{
		"login.microsoftoniine.com":               "reads like microsoftonline.com",
		"micros0ft-update.com":                    "has the name of microsoft",
		"mircosoft-update.com":                    "has the name of microsoft",
		"windows-update.org":                      "has the name of windows",
		"www.digicert.org":                        "has the name of digicert",
		"download.windowsupdate.com.cdn-evil.net": "begins like windowsupdate.com",
		"hybridaks.azurecr.io.evil.com":           "begins like hybridaks.azurecr.io",
		"windowsupdate.com.co":                    "begins like windowsupdate.com",
		"downloads.de11.com":                      "reads like dell.com",
		"hybridask.azurecr.io":                    "one letter off hybridaks.azurecr.io",
		"www.xn--mcrosoft-c2a.com":                "reads like microsoft.com", // "mícrosoft"
		"www.microsoft.com":                       "",
		"x.prod.do.dsp.mp.microsoft.com":          "",
		"contosowitness.blob.core.windows.net":    "",
		"acct1.blob.core.windows.net":             "",
		"www.vendor.example.com":                  "",
		"azure.contoso.com":                       "",
		"github.com":                              "",
	} {
		got := listed.Resembles(host)
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("Resembles(%q) = %q, want %q", host, got, want)
		}
	}
	own := listed.Clone()
	own.Add("contoso-group.com")
	if own.Resembles("c0ntoso-group.com") == "" || listed.Resembles("c0ntoso-group.com") != "" || !own.Has("contoso-group.com") {
		t.Error("what is added to a copy must count there, and there only")
	}
}

func TestSharedUnder(t *testing.T) {
	tests := []struct {
		suffix string // of the answer; "" if it is none
		above  bool
		domain string
	}{
		// shared domains of Azure
		{"blob.core.windows.net", false, "blob.core.windows.net"},
		{"azurewebsites.net", false, "azurewebsites.net"},
		{"visualstudio.com", false, "visualstudio.com"},
		{"servicebus.chinacloudapi.cn", false, "servicebus.chinacloudapi.cn"},
		// what a customer has there is his
		{"", false, "acct.blob.core.windows.net"},
		{"", false, "scm.app.azurewebsites.net"},
		// a zone belongs to nobody
		{"web.core.windows.net", false, "z13.web.core.windows.net"},
		{"", false, "acct.z13.web.core.windows.net"},
		{"cloudapp.azure.com", false, "eastus.cloudapp.azure.com"},
		{"", false, "vm.eastus.cloudapp.azure.com"},
		// domains that contain shared ones
		{"blob.core.windows.net", true, "windows.net"},
		{"blob.core.windows.net", true, "core.windows.net"},
		{"cloudapp.azure.com", true, "azure.com"},
		{"msecnd.net", false, "msecnd.net"},
		// domains beside shared ones
		{"", false, "his.arc.azure.com"},
		{"", false, "monitor.core.windows.net"},
		{"", false, "microsoft.com"},
		{"", false, "windowsupdate.com"},
		// the Public Suffix List
		{"com", false, "com"},
		{"co.uk", false, "co.uk"},
		{"github.io", false, "github.io"},
		{"", false, "example.co.uk"},
		{"", false, "user.github.io"},
		// above it, and its wildcard rules
		{"s3.amazonaws.com", true, "amazonaws.com"},
		{"*.elb.amazonaws.com", true, "elb.amazonaws.com"},
		{"*.kawasaki.jp", true, "kawasaki.jp"},
		{"x.kawasaki.jp", false, "x.kawasaki.jp"},
		// shared by path below
		{"gist.github.com", true, "github.com"},
	}
	for _, tt := range tests {
		s, ok := catalog.SharedUnder(tt.domain)
		if s.Suffix != tt.suffix || s.Above != tt.above || ok != (tt.suffix != "") {
			t.Errorf("SharedUnder(%q) = %+v, %v, want suffix %q, above %v", tt.domain, s, ok, tt.suffix, tt.above)
		}
		if ok && (s.What == "" || s.Source == "") {
			t.Errorf("SharedUnder(%q) = %+v, want what it is and who says so", tt.domain, s)
		}
	}
}

func TestRegistrable(t *testing.T) {
	for want, host := range map[string]string{
		"microsoft.com":          "www.microsoft.com",
		"example.co.uk":          "a.b.example.co.uk",
		"acct.azurewebsites.net": "www.acct.azurewebsites.net",
		"":                       "com",
	} {
		if got := catalog.Registrable(host); got != want {
			t.Errorf("Registrable(%q) = %q, want %q", host, got, want)
		}
	}
}
