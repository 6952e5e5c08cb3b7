package tables_test

import (
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

func TestFill(t *testing.T) {
	const doc = `
<region>.his.arc.azure.com
<region>.login.microsoft.com
*.<region>.arcdataservices.com
san-af-<region>-prod.azurewebsites.net
<yourkeyvaultname>.vault.azure.net
https://<yourname>.example.com/{yourname}
`
	place := policy.Place{Region: "EastUS", Names: map[string]string{"keyvault": "Contoso-KV", "yourname": "us"}}
	want := strings.Join([]string{
		"https://eus.his.arc.azure.com", "https://eastus.login.microsoft.com", "https://*.eastus.arcdataservices.com",
		"https://san-af-eastus-prod.azurewebsites.net", "https://contoso-kv.vault.azure.net", "https://us.example.com/us",
	}, "; ")
	if got := outcome(t, doc, place); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	place.Region = "eus" // the short name of the same region
	if got := outcome(t, doc, place); got != want {
		t.Errorf("by its short name:\ngot  %s\nwant %s", got, want)
	}
	place = policy.Place{Region: "usgovvirginia", Names: map[string]string{"keyvault": "none"}}
	want = "https://usgovvirginia.login.microsoftonline.us; no_rule: there is none: keyvault is none"
	if got := outcome(t, "<region>.login.microsoftonline.us\n<yourkeyvaultname>.vault.azure.net", place); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A value must not widen an entry, or lead elsewhere.
func TestPlaceErrors(t *testing.T) {
	for _, tt := range []struct {
		want  string
		place policy.Place
	}{
		{`"*"`, policy.Place{Region: "*"}},
		{`did you mean "eastus"?`, policy.Place{Region: "eastsu"}},
		{`keyvault="a.b"`, policy.Place{Names: map[string]string{"keyvault": "a.b"}}},
		{`keyvault="*"`, policy.Place{Names: map[string]string{"keyvault": "*"}}},
		{`x="evil.example/"`, policy.Place{Names: map[string]string{"x": "evil.example/"}}},
	} {
		_, err := tables.Read("doc", nil, tt.place)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Read in %+v: %v, want %s", tt.place, err, tt.want)
		}
	}
}
