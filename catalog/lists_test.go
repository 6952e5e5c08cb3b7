package catalog_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/internal/policytest"
	"webproxy/policy"
)

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
				if !slices.Contains([]string{"public", "china", "usgov", catalog.AnyCloud}, e.Cloud) ||
					!slices.Contains([]string{"required daily", "registration", "optional"}, e.When) || e.Raw == "" || e.Description == "" {
					t.Errorf("%s: %s: cloud %q, when %q, raw %q, description %q", name, e.ID, e.Cloud, e.When, e.Raw, e.Description)
				}
			}
		}
	}
}

// The numbers of rows in the table that the lists up to 2026-07 were made from.
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
		if l.Generation > "2026-07" {
			continue
		}
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
		l, err := catalog.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if want[name] == 0 && l.Generation <= "2026-07" {
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
				cloud := strings.Replace(e.Cloud, catalog.AnyCloud, "public", 1) // as the table calls it
				got = append(got, l.Name+"\t"+cloud+"\t"+e.Raw)
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
				if e.Host == "" || !e.HoldsIn("public") || len(e.Regions) > 0 {
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

func TestEveryListCompiles(t *testing.T) {
	for _, place := range everywhere() {
		spec := policy.Spec{Cloud: place.Cloud, Region: place.Region, Names: place.Names}
		for _, l := range all(t) {
			id := l.Name + "-" + l.Generation
			spec.Rules = append(spec.Rules, policy.RuleSpec{ID: id, List: l.Name + "@" + l.Generation})
		}
		if _, err := policy.Compile(&spec, policytest.Library{Catalog: catalog.Get}, policy.Env{}); err != nil {
			t.Errorf("%s %s: %v", place.Cloud, place.Region, err)
		}
	}
}
