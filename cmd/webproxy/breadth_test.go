package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oneOwner are domains below which only Microsoft gives out names, as far as the lists have wildcards on them.
const oneOwner = `microsoft.com windowsupdate.com msecnd.net azureedge.net microsoftmetrics.com gw.arc.azure.com gw.arc.azure.net his.arc.azure.com his.arc.azure.cn
	his.arc.azure.us guestconfiguration.azure.com guestconfiguration.azure.cn guestconfiguration.azure.us guestnotificationservice.azure.com
	guestnotificationservice.azure.cn guestnotificationservice.azure.us prod.hot.ingest.monitor.core.windows.net`

// Each wildcard of the lists that init names is below a domain of one owner, or check has a finding for it: nothing broad
// comes in with a new list unnoticed.
func TestBreadthIsFound(t *testing.T) {
	for _, args := range [][]string{
		{"--region", "eastus"}, {"--region", "eastus", "--release", "2411"}, {"--region", "uksouth"},
		{"--cloud", "usgov"}, {"--cloud", "usgov", "--release", "2411"}, {"--cloud", "china"},
	} {
		dir := t.TempDir()
		command(t, append([]string{"init", "--dir", dir}, args...)...)
		file := filepath.Join(dir, "webproxy.yaml")
		found := command(t, "check", "--notes", "--audit", "off", file)
		for _, name := range listsOf(t, file) {
			var list struct {
				Entries []struct{ Entry, Disabled string }
			}
			if err := json.Unmarshal([]byte(command(t, "lists", "show", name, "-c", file, "-o", "json")), &list); err != nil {
				t.Fatal(err)
			}
			for _, e := range list.Entries {
				_, host, _ := strings.Cut(e.Entry, "://")
				host, _, _ = strings.Cut(host, "/")
				host, _, _ = strings.Cut(host, ":")
				owned := slices.ContainsFunc(strings.Fields(oneOwner), func(d string) bool { return strings.HasSuffix(host, "."+d) })
				if e.Disabled != "" || !strings.Contains(host, "*") || owned || strings.Contains(found, "shared-suffix: catalog") && strings.Contains(found, ": "+host+" (such as ") {
					continue
				}
				t.Errorf("init %v: %s of %s is in force without a finding", args, e.Entry, name)
			}
		}
	}
}

// command runs a command whose answer is yes, and returns all that it printed to standard output, or for check to both.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut strings.Builder
	if code := run(context.Background(), args, &out, &errOut); code != exitOK {
		t.Fatalf("webproxy %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), errOut.String())
	}
	if args[0] == "check" {
		return out.String() + errOut.String()
	}
	return out.String()
}

// listsOf are the lists that rules of a configuration take.
func listsOf(t *testing.T, file string) []string {
	t.Helper()
	cfg, err := loadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range cfg.Policy.Rules {
		if r.List != "" {
			names = append(names, r.List)
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s names no list", file)
	}
	return names
}
