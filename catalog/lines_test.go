package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"webproxy/policy"
)

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
		{"arc@2021-12", none, "git://:9418 port 9,418", "names no host"},
		{"arc@2021-12", policy.Place{Cloud: "china"}, "Coming soon.", "names no host yet"},
		{"arb@2026-07", none, "time.windows.com", "UDP port 123"},
		// a cloud without a column: no line of another cloud stands in
		{"update@2021-12", policy.Place{Cloud: "china"}, "http://windowsupdate.microsoft.com", ""}, // Windows is the same in every cloud,
		{"hci@2021-12", policy.Place{Cloud: "usgov"}, "https://login.microsoftonline.com", "no column for cloud usgov"},
		{"hci@2021-12", policy.Place{Cloud: "usgov"}, "https://login.partner.microsoftonline.cn", ""},
		{"hci@2021-12", policy.Place{Cloud: "china"}, "https://login.microsoftonline.com", ""},
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
		// a line of two regions does not apply to a third one, although this list has no other line for that one
		{"update@2026-07", policy.Place{Region: "westeurope"}, "tsfe.trafficshaping.dsp.mp.microsoft.com", ""},
		{"update@2026-07", policy.Place{Region: "norwayeast"}, "tsfe.trafficshaping.dsp.mp.microsoft.com", "no line for region norwayeast"},
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
	for _, name := range []string{"gallery", "portal", "arc"} {
		if got := lines(get(t, name+"@2021-12", policy.Place{Cloud: "china"})); got != nil {
			t.Errorf("%s in china: %v, want nothing: the document has no such column", name, got)
		}
	}
}

// A document that makes no difference between the clouds holds in each of them.
func TestAnyCloud(t *testing.T) {
	for _, name := range []string{"update@2021-12", "update", "oem-dell", "oem-hpe", "checker", "gallery"} {
		public := lines(get(t, name, policy.Place{}))
		for _, cloud := range []string{"china", "usgov"} {
			if got := lines(get(t, name, policy.Place{Cloud: cloud})); !slices.Equal(got, public) || len(got) == 0 {
				t.Errorf("%s in %s:\n got %v\nwant %v", name, cloud, got, public)
			}
		}
	}
	for _, tt := range []struct{ cloud, want string }{{"china", "http://crl.digicert.cn"}, {"usgov", "http://cacerts.digicert.com"}} {
		if got := lines(get(t, "crl", policy.Place{Cloud: tt.cloud})); !slices.Contains(got, tt.want) {
			t.Errorf("crl in %s: no %s in %v", tt.cloud, tt.want, got)
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
