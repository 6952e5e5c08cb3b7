package catalog_test

import (
	"testing"

	"webproxy/catalog"
)

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
		{"vo.msecnd.net", true, "msecnd.net"},
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
