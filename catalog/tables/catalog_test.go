package tables_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/catalog/tables"
	"webproxy/policy"
)

// written is what a rule depends on in an entry.
func written(e policy.Entry) string {
	path := e.Path
	if e.Query != "" {
		path += "?" + e.Query
	}
	port := e.Scheme.DefaultPort()
	if len(e.Ports) > 0 {
		port = e.Ports[0]
	}
	return fmt.Sprintf("%s://%s:%d%s", e.Scheme, e.Host, port, path)
}

// The seed document, with its bullets, tables, escapes and cells of several lines, is the catalog's
// generation of that month: no entry more, none less.
func TestSeedDocument(t *testing.T) {
	data, err := os.ReadFile("testdata/seed-2021-12.md")
	if err != nil {
		t.Fatal(err)
	}
	report, err := tables.Read("seed-2021-12.md", data, policy.Place{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, l := range report.Lines {
		for _, e := range l.Entries {
			cloud := e.Cloud
			if cloud == "" {
				cloud = "public" // what a table without a column for others is about
			}
			got[cloud] = append(got[cloud], written(e))
		}
	}
	for _, cloud := range []string{"public", "china", "usgov"} {
		var want []string
		for _, name := range catalog.Names() {
			list, err := catalog.Get(name+"@2021-12", policy.Place{Cloud: cloud})
			if err != nil {
				continue // not a list of that generation
			}
			for _, e := range list.Entries {
				want = append(want, written(e))
			}
		}
		if cloud != "public" { // the table of updates has no column for clouds: the importer takes it for one of the public cloud
			list, err := catalog.Get("update@2021-12", policy.Place{Cloud: cloud})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list.Entries {
				if i := slices.Index(want, written(e)); i >= 0 {
					want = slices.Delete(want, i, i+1)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got[cloud])
		if !slices.Equal(got[cloud], want) {
			t.Errorf("cloud %s:\n got %s\nwant %s", cloud, strings.Join(got[cloud], "\n     "), strings.Join(want, "\n     "))
		}
	}
	want := tables.Summary{Lines: 80, Entries: 81, NoRule: 2, Prose: 29}
	if got := report.Summary(); got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
}

// names fill every placeholder of the catalog.
func names() map[string]string {
	return map[string]string{"keyvault": "vault1", "witness": "witness1", "gateway": "gateway1"}
}

func places() []policy.Place {
	all := []policy.Place{
		{Cloud: "china", Region: "chinaeast2", Names: names()},
		{Cloud: "usgov", Region: "usgovvirginia", Names: names()},
	}
	for _, region := range []string{"australiaeast", "eastus", "southcentralus", "westeurope"} {
		all = append(all, policy.Place{Cloud: "public", Region: region, Names: names()})
	}
	return all
}

// A source is an endpoint of the catalog with the entries that it has for some place.
type source struct {
	raw, ports, description string
	want                    []string
}

// sources are the endpoints of a list that are a rule for place, or can be none anywhere.
func sources(t *testing.T, name string, place policy.Place) []source {
	t.Helper()
	whole, err := catalog.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := catalog.Get(name, place)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{} // by source
	for _, e := range list.Entries {
		want[e.Source] = append(want[e.Source], written(e))
	}
	final := map[string]bool{}
	for _, e := range list.Disabled {
		final[e.Source] = e.Final
	}
	var all []source
	number := 0
	for _, d := range whole.Documents {
		for _, e := range d.Endpoints {
			number++
			key := fmt.Sprintf("catalog %s, entry %d", name, number)
			if len(want[key]) > 0 || final[key] {
				all = append(all, source{e.Raw, portsCell(e), e.Description, want[key]})
			}
		}
	}
	return all
}

func portsCell(e catalog.Endpoint) string {
	var ports []string
	for i, p := range e.Ports {
		port := fmt.Sprint(p)
		if e.Schemes[i] == "udp" {
			port += "/udp"
		}
		ports = append(ports, port)
	}
	return strings.Join(ports, ",")
}

// renderings are the shapes in which a list may be pasted.
func renderings() map[string]func([]source) string {
	return map[string]func([]source) string{
		"markdown": func(all []source) string {
			escape := strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`, "_", `\_`)
			doc := "| Id | Component | Endpoint URL | Port | Notes |\n|----|:---|:---|---|---|\n"
			for i, s := range all {
				doc += fmt.Sprintf("| %d | %s | %s | %s | any |\n", i+1, escape.Replace(s.description), escape.Replace(s.raw), s.ports)
			}
			return doc
		},
		"code": func(all []source) string {
			doc := "Service | Required endpoint | Ports\n---|---|---\n"
			for _, s := range all {
				doc += fmt.Sprintf("%s | `%s` | %s\n", strings.ReplaceAll(s.description, "|", `\|`), s.raw, strings.ReplaceAll(s.ports, ",", ", "))
			}
			return doc
		},
		"csv": func(all []source) string {
			var b strings.Builder
			w := csv.NewWriter(&b)
			w.Write([]string{"Ports", "Description", "FQDN"})
			for _, s := range all {
				w.Write([]string{s.ports, s.description, s.raw})
			}
			w.Flush()
			return b.String()
		},
		"tabs": func(all []source) string {
			doc := "URL\tPort\tDescription\r\n"
			for _, s := range all {
				doc += s.raw + "\t" + s.ports + "\t" + s.description + "\r\n"
			}
			return doc
		},
		"text": func(all []source) string {
			doc := ""
			for _, s := range all {
				doc += "- " + s.raw + " " + s.ports + "\n\n"
			}
			return doc
		},
	}
}

// What a list was made from, written as a table in any shape, gives the list again: every list, in
// every generation, for places that together have every line.
func TestRoundTrip(t *testing.T) {
	lists, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, l := range lists {
		name := l.Name + "@" + l.Generation
		for _, place := range places() {
			all := sources(t, name, place)
			rows += len(all)
			for shape, render := range renderings() {
				report, err := tables.Read(name, []byte(render(all)), place)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, fmt.Sprintf("%s as %s in %s", name, shape, place.Region), report, all)
			}
		}
	}
	if rows < 2000 {
		t.Errorf("only %d rows were compared", rows)
	}
}

// compare fails unless the report has a line for each source, with its entries or the reason why it has none.
func compare(t *testing.T, what string, report tables.Report, all []source) {
	t.Helper()
	lines := slices.DeleteFunc(slices.Clone(report.Lines), func(l tables.Line) bool {
		return len(l.Left) == 1 && (strings.Contains(l.Left[0].Why, "header") || strings.Contains(l.Left[0].Why, "ruled"))
	})
	if len(lines) != len(all) {
		t.Errorf("%s: %d lines for %d endpoints", what, len(lines), len(all))
		return
	}
	for i, s := range all {
		var got []string
		for _, e := range lines[i].Entries {
			got = append(got, written(e))
		}
		if !slices.Equal(got, s.want) {
			t.Errorf("%s: %q with ports %q:\n got %v\nwant %v; left %v", what, s.raw, s.ports, got, s.want, lines[i].Left)
		}
		for _, left := range lines[i].Left {
			if left.Kind == tables.Problem || left.Kind == tables.Unfilled || len(got) > 0 {
				t.Errorf("%s: %q: %v %q: %s", what, s.raw, left.Kind, left.Text, left.Why)
			}
		}
	}
}
