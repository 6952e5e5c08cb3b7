package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
	"webproxy/policy"
)

func TestDiff(t *testing.T) {
	none := policy.Place{}
	tests := []struct {
		a, b  string
		place policy.Place
		want  []string // "host: from -> to"; a part of all changes
		n     int      // how many there are in all; -1: not counted
	}{
		{"hci@2026-11", "hci", none, nil, 0},
		{"hci@2021-12", "hci@2026-07", none, []string{
			"aka.ms: -> https://aka.ms", "*.azurefd.net: http://*.azurefd.net https://*.azurefd.net ->",
		}, 13},
		// another scheme
		{"update@2021-12", "update@2023-01", none, []string{
			"*.windowsupdate.com: http://*.windowsupdate.com https://*.windowsupdate.com -> http://*.windowsupdate.com",
		}, -1},
		// another path
		{"crl@2026-07", "arc@2026-07", none, []string{
			"www.microsoft.com: http://www.microsoft.com -> http://www.microsoft.com/pkiops/certs https://www.microsoft.com/pkiops/certs",
		}, -1},
		// placeholders without a value are compared as they are
		{"keyvault", "arc-gateway-reduced", none, []string{"{gateway}.gw.arc.azure.com: -> https://{gateway}.gw.arc.azure.com"}, -1},
		// {regioncode} filled and a region's own line are the same; so are a bundle's line and its list's
		{"azure-local@2026-07", "arc-gateway-reduced", policy.Place{Region: "eus"}, []string{"pypi.org: -> https://pypi.org"}, -1},
		// what cannot be a rule is a difference as well
		{"arc@2021-12", "hci@2021-12", none, []string{"*: git://*:9418 ->"}, -1},
		// what a list lacks for a cloud or a region takes no part
		{"hci@2026-07", "keyvault@2026-07", policy.Place{Cloud: "china"}, nil, 0},
	}
	for _, tt := range tests {
		changes, err := catalog.Diff(tt.a, tt.b, tt.place)
		if err != nil {
			t.Errorf("Diff(%s, %s): %v", tt.a, tt.b, err)
			continue
		}
		var got []string
		for _, c := range changes {
			got = append(got, strings.Join(slices.Concat([]string{c.Host + ":"}, c.From, []string{"->"}, c.To), " "))
		}
		for _, w := range tt.want {
			if !slices.Contains(got, w) {
				t.Errorf("Diff(%s, %s): no %q in\n%s", tt.a, tt.b, w, strings.Join(got, "\n"))
			}
		}
		if tt.n >= 0 && len(got) != tt.n {
			t.Errorf("Diff(%s, %s): %d changes, want %d:\n%s", tt.a, tt.b, len(got), tt.n, strings.Join(got, "\n"))
		}
		if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "eus.his.arc") }) {
			t.Errorf("Diff(%s, %s): a host that both have: %v", tt.a, tt.b, got)
		}
	}
	if _, err := catalog.Diff("hci", "hcy", none); err == nil {
		t.Error("no error for an unknown list")
	}
	if _, err := catalog.Diff("hcy", "hci", none); err == nil {
		t.Error("no error for an unknown list")
	}
}

// Diff is symmetric, and nothing differs from itself.
func TestDiffBothWays(t *testing.T) {
	place := policy.Place{Region: "westeurope"}
	for _, a := range all(t) {
		name := a.Name + "@" + a.Generation
		if c, err := catalog.Diff(name, name, place); err != nil || len(c) > 0 {
			t.Errorf("%s differs from itself: %v, %v", name, c, err)
		}
		there, _ := catalog.Diff(a.Name, name, place)
		back, _ := catalog.Diff(name, a.Name, place)
		if len(there) != len(back) {
			t.Errorf("%s: %d changes there, %d back", name, len(there), len(back))
		}
		for i := range min(len(there), len(back)) {
			if there[i].Host != back[i].Host || !slices.Equal(there[i].From, back[i].To) || !slices.Equal(there[i].To, back[i].From) {
				t.Errorf("%s: %+v there, %+v back", name, there[i], back[i])
			}
		}
	}
}

func TestCovering(t *testing.T) {
	tests := []struct {
		host string
		want []string // list and entry, some of those found
		not  []string
	}{
		{"acct.blob.core.windows.net",
			[]string{"hci@2026-07 blob", "portal@2021-12 windows-net", "witness@2023-01 blob", "arc-gateway-reduced@2026-07 witness-blob"}, nil},
		{"x.acct.blob.core.windows.net",
			[]string{"hci@2026-07 blob"}, []string{"arc-gateway-reduced@2026-07 witness-blob"}}, // a placeholder is one label
		{"blob.core.windows.net", []string{"portal@2021-12 windows-net"}, []string{"hci@2026-07 blob"}}, // a wildcard is not its apex
		{"eus.his.arc.azure.com", []string{"arc@2021-12 his", "arc@2026-07 eus-his", "arc-gateway-reduced@2026-07 regioncode-his"}, nil},
		{"azgn7.servicebus.windows.net", []string{"arc@2026-07 azgn-servicebus"}, nil},
		{"sql.westeurope.arcdataservices.com", []string{"arc@2026-07 region-arcdataservices-com"}, nil},
		{"time.windows.com", []string{"arb@2026-07 time"}, nil}, // no rule can have it, but it is listed
		{"login.partner.microsoftonline.cn", []string{"hci@2021-12 login-partner"}, nil},
		{"host.example.org", nil, nil},
	}
	for _, tt := range tests {
		found, err := catalog.Covering(tt.host)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range found {
			got = append(got, l.List.Name+"@"+l.List.Generation+" "+l.Endpoint.ID)
		}
		for _, w := range tt.want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no %q in %q", tt.host, w, got)
			}
		}
		for _, n := range tt.not {
			if slices.Contains(got, n) {
				t.Errorf("%s: covered by %q", tt.host, n)
			}
		}
		if tt.want == nil && got != nil {
			t.Errorf("%s: covered by %q", tt.host, got)
		}
	}
}

// What Covering finds is what a rule with the list would match.
func TestCoveringAgreesWithGet(t *testing.T) {
	for _, place := range everywhere()[:3] { // one of each cloud
		for _, l := range all(t) {
			for _, e := range get(t, l.Name+"@"+l.Generation, place).Entries {
				host := e.Host.Examples()[0]
				found, err := catalog.Covering(host)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(found, func(f catalog.Line) bool {
					return f.List == l && strings.TrimSuffix(e.ID, "-http") == strings.TrimSuffix(f.Endpoint.ID, "-http")
				}) {
					t.Errorf("%s@%s: nothing covers %s of %s", l.Name, l.Generation, host, e)
				}
			}
		}
	}
}
