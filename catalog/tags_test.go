package catalog

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// tagsJSON is a file in Microsoft's form.
func tagsJSON(cloud string, change int, tags ...string) string {
	var values []string
	for _, t := range tags {
		name, prefixes, _ := strings.Cut(t, " ")
		list, _ := json.Marshal(strings.Fields(prefixes))
		values = append(values, fmt.Sprintf(`{"name": %q, "id": %[1]q, "properties": {"changeNumber": 1, "region": "", "regionId": 0,
			"platform": "Azure", "systemService": "", "addressPrefixes": %s, "networkFeatures": null}}`, name, list))
	}
	return fmt.Sprintf(`{"changeNumber": %d, "cloud": %q, "values": [%s]}`, change, cloud, strings.Join(values, ","))
}

func parsed(t testing.TB, text string) *Tags {
	t.Helper()
	tags, err := ParseTags([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tags
}

func TestParseTags(t *testing.T) {
	tags := parsed(t, tagsJSON("Public", 375, "Storage 20.38.96.0/19 2603:1030:a0b::10/124", "Storage.WestEurope 20.38.96.0/23", "Empty"))
	if n, prefixes := tags.Len(); tags.Cloud != "public" || tags.Change != 375 || n != 3 || prefixes != 3 {
		t.Errorf("cloud %s, change %d, %d tags, %d prefixes", tags.Cloud, tags.Change, n, prefixes)
	}
	if p, ok := tags.Prefixes("sTORAGE"); !ok || len(p) != 2 || p[1] != netip.MustParsePrefix("2603:1030:a0b::10/124") {
		t.Errorf("Prefixes = %v, %t", p, ok)
	}
	for addr, want := range map[string]string{
		"20.38.97.1":         "map[Storage:20.38.96.0/19 Storage.WestEurope:20.38.96.0/23]",
		"::ffff:20.38.127.1": "map[Storage:20.38.96.0/19]",
		"2603:1030:a0b::1f":  "map[Storage:2603:1030:a0b::10/124]",
		"20.38.128.0":        "map[]",
	} {
		if got := fmt.Sprint(tags.Find(netip.MustParseAddr(addr))); got != want {
			t.Errorf("Find(%s) = %s, want %s", addr, got, want)
		}
	}
	// The fields that files of 2019 lack, and a mark at the beginning, change nothing.
	parsed(t, "\ufeff"+`{"changeNumber": 1, "cloud": "azuregovernment", "values": [{"name": "A", "properties": {"addressPrefixes": ["1.0.0.0/8"]}}]}`)
}

func TestParseTagsRefuses(t *testing.T) {
	whole := tagsJSON("Public", 1, "A 1.0.0.0/8")
	for want, text := range map[string]string{
		"breaks off":                     whole[:len(whole)-2],
		"not a service tag file":         "<html>Sign in</html>",
		"something follows":              whole + "{}",
		`cloud "": want Public`:          `{"values": []}`,
		`cloud "Moon": want Public`:      tagsJSON("Moon", 1, "A 1.0.0.0/8"),
		"no changeNumber":                `{"cloud": "Public", "values": [{}]}`,
		"no service tags":                tagsJSON("Public", 1),
		`values[1], service tag "a": oc`: tagsJSON("Public", 1, "A 1.0.0.0/8", "a 2.0.0.0/8"),
		`service tag "": no name`:        tagsJSON("Public", 1, " 1.0.0.0/8"),
		`[1]: "1.2.3.4" is not a prefix`: tagsJSON("Public", 1, "A 1.0.0.0/8 1.2.3.4"),
		`"0.0.0.0/0" is every address`:   tagsJSON("Public", 1, "A 0.0.0.0/0"),
		`"::/0" is every address`:        tagsJSON("Public", 1, "A ::/0"),
		`"1.2.3.4/8" has bits set after`: tagsJSON("Public", 1, "A 1.2.3.4/8"),
		`has an IPv4 address inside`:     tagsJSON("Public", 1, "A ::ffff:1.0.0.0/104"),
	} {
		if _, err := ParseTags([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// In other clouds the Arc tag has the public addresses too, and no other tag has.
func TestTagPrefixes(t *testing.T) {
	files := map[string]*Tags{
		"public": parsed(t, tagsJSON("Public", 375, "AzureArcInfrastructure 20.0.0.0/24 20.0.1.0/24", "AzureArcInfrastructure.EastUS 20.0.1.0/24", "Storage 20.1.0.0/24")),
		"china":  parsed(t, tagsJSON("China", 405, "AzureArcInfrastructure 40.72.0.0/24", "AzureArcInfrastructure.ChinaEast2 40.72.0.0/25", "Storage 40.73.0.0/24")),
		"usgov":  parsed(t, tagsJSON("AzureGovernment", 402, "Storage 52.0.0.0/24")),
	}
	open := func(cloud string) (*Tags, error) { return files[cloud], nil }
	for _, tt := range []struct{ tag, cloud, want string }{
		{"azurearcinfrastructure", "public", "[20.0.0.0/24 20.0.1.0/24]"},
		{"AzureArcInfrastructure.EastUS", "public", "[20.0.1.0/24]"},
		{"AzureArcInfrastructure", "china", "[40.72.0.0/24 20.0.0.0/24 20.0.1.0/24]"},
		{"AzureArcInfrastructure.ChinaEast2", "china", "[40.72.0.0/25 20.0.0.0/24 20.0.1.0/24]"},
		{"AzureArcInfrastructure", "usgov", "[20.0.0.0/24 20.0.1.0/24]"}, // no longer in its own file
		{"Storage", "china", "[40.73.0.0/24]"},
		{"Storge", "china", `: service tag "Storge": not among the 3 of cloud china (change 405)`},
		{"Storage.ChinaEast", "china", `: service tag "Storage.ChinaEast": not among the 3 of cloud china (change 405)`},
	} {
		prefixes, err := TagPrefixes(tt.tag, tt.cloud, open)
		got := fmt.Sprint(prefixes)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.tag, tt.cloud, got, tt.want)
		}
	}
	delete(files, "public")
	failing := func(cloud string) (*Tags, error) {
		if files[cloud] == nil {
			return nil, fmt.Errorf("no tags of %s", cloud)
		}
		return files[cloud], nil
	}
	if p, err := TagPrefixes("AzureArcInfrastructure", "china", failing); err == nil || p != nil {
		t.Errorf("without the public file: %v, %v", p, err)
	}
}

// BenchmarkParseTags reads a file of the size of the public one.
func BenchmarkParseTags(b *testing.B) {
	var tags []string
	for i := range 3000 {
		var p strings.Builder
		for j := range 31 {
			fmt.Fprintf(&p, " 20.%d.%d.%d/28", i%256, i/256*20+j%20, j/20*16)
		}
		tags = append(tags, fmt.Sprintf("Tag%d%s", i, p.String()))
	}
	text := []byte(tagsJSON("Public", 1, tags...))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseTags(text); err != nil {
			b.Fatal(err)
		}
	}
}
