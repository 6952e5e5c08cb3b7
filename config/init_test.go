package config

import (
	"bytes"
	"cmp"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadDefault(t *testing.T) {
	c, err := LoadDefault()
	must(t, err)
	var lists []string
	for _, r := range c.Policy.Rules {
		lists = append(lists, r.List)
	}
	if got := strings.Join(lists, " "); got != "azure-stack-hci@2021-12" {
		t.Errorf("lists %q, want the document of 2021 in full", got)
	}
	if c.Policy.Cloud != "public" || c.Listen[0] != ":9090" || c.Dashboard.Listen != "127.0.0.1:9091" || c.Path != "" || len(c.Files) != 0 {
		t.Errorf("%+v", c)
	}
}

// What init writes can be used as it is, and says what was asked for.
func TestInit(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    InitParams
		want []string
	}{
		{"nothing", InitParams{}, []string{"  cloud: public\n", "  # region", "  # clients", "{ from: default, "}},
		{"all", InitParams{Region: "eastus", Clients: []string{"nodes=10.0.1.0/24,10.0.2.10; wac=2001:db8::1"}}, []string{
			"  region: eastus\n", "    - { id: local, list: azure-local@2026-11 }\n", "    - { id: update, list: update@2026-11 }\n", `  clients: { nodes: ["10.0.1.0/24", "10.0.2.10"], wac: ["2001:db8::1"] }`, "{ from: nodes, "}},
		{"cloud", InitParams{Cloud: "china", Region: "chinaeast2", Clients: []string{"nodes=10.0.1.0/24"}}, []string{"  cloud: china\n", "    - { id: local, list: azure-local@2026-11 }\n"}},
		{"usgov", InitParams{Cloud: "usgov"}, []string{"  cloud: usgov\n", "  region: usgovvirginia\n"}},
		{"release", InitParams{Region: "eus", Release: "2411"}, []string{"azure-local@2025-05", "update@2026-11"}},
		{"a region with Arc alone", InitParams{Region: "uksouth"}, []string{"    - { id: arc, list: arc@2026-07 }\n", "keeps no list of Azure Local for uksouth"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files, _, err := Init(tt.p)
			must(t, err)
			for _, f := range files {
				put(t, f.Local(dir), string(f.Data))
			}
			for _, w := range append(tt.want, "    - { id: approved, file: lists/approved.txt }\n") {
				if !bytes.Contains(files[0].Data, []byte(w)) {
					t.Errorf("no %q in\n%s", w, files[0].Data)
				}
			}
			c, err := Load(filepath.Join(dir, "webproxy.yaml"))
			must(t, err)
			if want := cmp.Or(tt.p.Cloud, "public"); c.Policy.Cloud != want {
				t.Errorf("cloud %q, want %q", c.Policy.Cloud, want)
			}
		})
	}
}

func TestInitErrors(t *testing.T) {
	for _, tt := range []struct {
		p    InitParams
		want string
	}{
		{InitParams{Cloud: "azure"}, "want public, china or usgov"},
		{InitParams{Region: "East US"}, "such as eastus"},
		{InitParams{Region: "westeuorpe"}, `did you mean "westeurope"?`},
		{InitParams{Cloud: "china", Region: "eastus"}, "set policy.cloud to public"},
		{InitParams{Release: "2507"}, "2608, 2506, 2504, 2411"},
		{InitParams{Clients: []string{"nodes=10.0.1.5/24"}}, "write 10.0.1.0/24"},
		{InitParams{Region: "a }\nlisten: b"}, "such as eastus"},
		{InitParams{Clients: []string{"nodes"}}, "nodes=10.0.1.0/24"},
		{InitParams{Clients: []string{"nodes="}}, "neither an address nor a prefix"},
		{InitParams{Clients: []string{"nodes=10.0.1.0/24,x"}}, "neither an address nor a prefix"},
		{InitParams{Clients: []string{"a=10.0.1.0/24", "a=10.0.2.0/24"}}, "new name"},
		{InitParams{Clients: []string{"default=10.0.1.0/24"}}, "new name"},
	} {
		if _, _, err := Init(tt.p); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Init(%+v): %v, want %q", tt.p, err, tt.want)
		}
	}
}

// A release that makes no difference is not passed over in silence.
func TestInitReleaseWithoutAzureLocal(t *testing.T) {
	for region, want := range map[string]bool{"uksouth": true, "eastus": false} {
		_, notes, err := Init(InitParams{Region: region, Release: "2411"})
		must(t, err)
		if got := strings.Contains(strings.Join(notes, " "), "--release 2411 changes nothing here"); got != want {
			t.Errorf("%s: notes %q, want the release named: %v", region, notes, want)
		}
	}
}
