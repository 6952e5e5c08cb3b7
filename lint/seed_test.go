package lint_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"webproxy/lint"
	"webproxy/policy"
)

func seed(t *testing.T) []lint.Finding {
	t.Helper()
	var spec policy.Spec
	for _, name := range []string{"hci", "update", "arc", "aks", "wac", "gallery", "azure-services", "portal", "tools"} {
		spec.Rules = append(spec.Rules, policy.RuleSpec{ID: name, List: name + "@2021-12"})
	}
	return check(t, spec, nil)
}

// The document of December 2021 has 54 lines for the public cloud, of which 21 name hosts that a
// wildcard of another line covers. Three more say less than another line about the very same host, or
// name a path.
func TestSeedRedundant(t *testing.T) {
	want := []string{
		"arc@2021-12 https://*.guestconfiguration.azure.com < *.azure.com",
		"arc@2021-12 https://*.his.arc.azure.com < *.azure.com",
		"gallery@2021-12 https://www.powershellgallery.com < *.powershellgallery.com",
		"hci@2021-12 https://azurestackhci.azurefd.net < *.azurefd.net",
		"hci@2021-12 https://graph.microsoft.com < *.microsoft.com",
		"hci@2021-12 https://graph.windows.net < *.windows.net",
		"hci@2021-12 https://login.microsoftonline.com < *.microsoftonline.com",
		"hci@2021-12 https://management.azure.com < *.azure.com",
		"portal@2021-12 *.aadcdn.microsoftonline-p.com < *.microsoftonline-p.com",
		"update@2021-12 http://*.download.windowsupdate.com < *.windowsupdate.com",
		"update@2021-12 http://*.update.microsoft.com < *.microsoft.com",
		"update@2021-12 http://*.windowsupdate.microsoft.com < *.microsoft.com",
		"update@2021-12 http://dl.delivery.mp.microsoft.com < *.microsoft.com",
		"update@2021-12 http://download.windowsupdate.com < *.windowsupdate.com",
		"update@2021-12 http://go.microsoft.com < *.microsoft.com",
		"update@2021-12 http://ntservicepack.microsoft.com < *.microsoft.com",
		"update@2021-12 http://windowsupdate.microsoft.com < *.microsoft.com",
		"update@2021-12 https://*.update.microsoft.com < *.microsoft.com",
		"update@2021-12 https://*.windowsupdate.microsoft.com < *.microsoft.com",
		"update@2021-12 https://dl.delivery.mp.microsoft.com < *.microsoft.com",
		"update@2021-12 https://download.microsoft.com < *.microsoft.com",
	}
	others := []string{
		"gallery@2021-12 https://www.powershellgallery.com/packages/WinInetProxy/0.1.0",
		"tools@2021-12 https://www.microsoft.com/download/details.aspx?id=56519",
		"update@2021-12 http://*.windowsupdate.com",
	}
	got := map[string]bool{}
	for _, f := range seed(t) {
		if f.Code != lint.Redundant {
			continue
		}
		if f.Level != lint.Note {
			t.Errorf("%s: %s, want a note: the operator cannot edit a built-in list", f.Entry, f.Level)
		}
		line := redundantLine(t, f)
		if i := slices.IndexFunc(others, func(o string) bool { return strings.HasPrefix(line, o+" < ") }); i >= 0 {
			others = slices.Delete(others, i, i+1)
			continue
		}
		if strings.HasPrefix(line, "portal@2021-12 ") { // one line of the document, for both schemes
			line = strings.NewReplacer("http://", "", "https://", "").Replace(line)
		}
		got[line] = true
	}
	if lines := slices.Sorted(maps.Keys(got)); !slices.Equal(lines, want) {
		t.Errorf("redundant\n got %s\nwant %s", strings.Join(lines, "\n     "), strings.Join(want, "\n     "))
	}
	if len(others) > 0 {
		t.Errorf("not found: %v", others)
	}
}

// redundantLine is the list, the entry and the nearest pattern that covers it.
func redundantLine(t *testing.T, f lint.Finding) string {
	t.Helper()
	_, rest, ok1 := strings.Cut(f.Reason, "catalog ")
	list, _, ok2 := strings.Cut(rest, ",")
	_, rest, ok3 := strings.Cut(f.Reason, "covered by ")
	by, _, ok4 := strings.Cut(rest, " (")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		t.Fatalf("reason %q: want the list and what covers it", f.Reason)
	}
	return list + " " + f.Entry + " < " + by
}

// The wildcards of that document below which anybody can have a name.
func TestSeedShared(t *testing.T) {
	want := []string{
		"*.azure-api.net", "*.azure-automation.net", "*.azure.com", "*.azure.net", "*.azuredatalakestore.net", "*.azureedge.net",
		"*.azurefd.net", "*.azurewebsites.net", "*.msecnd.net", "*.trafficmanager.net", "*.visualstudio.com", "*.windows.net",
	}
	got := map[string]bool{}
	for _, f := range seed(t) {
		switch f.Code {
		case lint.SharedSuffix:
			if got[f.Entry] {
				t.Errorf("%s: told twice", f.Entry)
			}
			got[f.Entry] = true
		case lint.SharedHost:
			if f.Entry != "storage.googleapis.com" {
				t.Errorf("shared host %s, want storage.googleapis.com alone", f.Entry)
			}
		}
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("shared\n got %v\nwant %v", names, want)
	}
}
