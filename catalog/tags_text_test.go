package catalog_test

import (
	"strings"
	"testing"

	"webproxy/catalog"
)

// The output of "az network list-service-tags" is read like Microsoft's file; a file in UTF-16 is refused as such.
func TestParseTagsForms(t *testing.T) {
	const az = `{"changeNumber": "375", "cloud": "Public", "id": "/subscriptions/x", "name": "Public", "type": "Microsoft.Network/serviceTags",
"values": [{"id": "AzureArc", "name": "AzureArc", "properties": {"addressPrefixes": ["20.1.0.0/16"], "changeNumber": "57", "region": ""}}]}`
	for _, text := range []string{az, "\ufeff" + az} {
		tags, err := catalog.ParseTags([]byte(text))
		if err != nil || tags.Change != 375 || tags.Cloud != "public" {
			t.Errorf("%v, %v; want change 375 of cloud public", tags, err)
		}
	}
	for text, want := range map[string]string{
		"\xff\xfe{\x00":                          "UTF-16",
		strings.Replace(az, `"375"`, `"new"`, 1): "want a whole number",
		strings.Replace(az, `"375"`, `null`, 1):  "no changeNumber",
	} {
		if _, err := catalog.ParseTags([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}
