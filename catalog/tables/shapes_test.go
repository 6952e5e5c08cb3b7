package tables_test

import (
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

// outcome is the result of a document in one string: its entries, and what was left out, except prose.
func outcome(t testing.TB, doc string, place policy.Place) string {
	t.Helper()
	report, err := tables.Read("doc", []byte(doc), place)
	if err != nil {
		t.Fatal(err)
	}
	return outcomeOf(report)
}

func outcomeOf(report tables.Report) string {
	var got []string
	for _, l := range report.Lines {
		for _, e := range l.Entries {
			got = append(got, e.String())
		}
		for _, left := range l.Left {
			if left.Kind != tables.Prose {
				got = append(got, left.Kind.String()+": "+left.Why)
			}
		}
	}
	return strings.Join(got, "; ")
}

// lines are single lines, with their results.
func lines() []struct{ want, line string } {
	return []struct{ want, line string }{
		// plain text
		{"https://login.microsoftonline.com", "login.microsoftonline.com"},
		{"https://login.microsoftonline.com", "https://login.microsoftonline.com/"},
		{"http://crl.microsoft.com/pkiinfra", "http://crl.microsoft.com/pkiinfra"},
		{"https://aka.ms/AzureStackSBEUpdate/HPE", "aka.ms/AzureStackSBEUpdate/HPE"},
		{"https://h30302.www3.hpe.com/pub/*", "h30302.www3.hpe.com/pub/*"},
		{"https://www.microsoft.com/download/details.aspx?id=56519", "https://www.microsoft.com/download/details.aspx?id=56519"},
		{"https://a.example.com/x?a=1&region=2&copy=3", "https://a.example.com/x?a=1&region=2&copy=3"},
		{"https://a.example.com; https://b.example.com", "a.example.com, b.example.com"},
		{"https://a.example.com; https://b.example.com", "a.example.com,b.example.com"},
		{"https://a.example.com; https://b.example.com", "https://a.example.com or https://b.example.com"},
		{"https://a.example.com/x,b.example.com", "https://a.example.com/x,b.example.com"}, // who knows: at least not broader
		// escapes, marks, quotes
		{"http://*.windowsupdate.com", `- http\://\*.windowsupdate.com`},
		{"https://*.his.arc.azure.com", "* `*.his.arc.azure.com`"},
		{"https://*.his.arc.azure.com", "1. **\\*.his.arc.azure.com**"},
		{"https://*.his.arc.azure.com", "***.his.arc.azure.com**"},
		{"https://a.example.com", "> - _a.example.com_"},
		{"https://a.example.com", "“https://a.example.com”,"},
		{"https://a.example.com", "'a.example.com';"},
		{"https://a.example.com", "<https://a.example.com>"},
		{"https://a.example.com", "[a.example.com](https://a.example.com/)"},
		{"problem: the link shows a.example.com and leads to https://b.example.com", "[a.example.com](https://b.example.com)"},
		{"https://a.example.com", `<a href="https://b.example.com">a.example.com</a>`},
		{"https://a.example.com; https://b.example.com", "a.example.com<br>b.example.com"},
		{"https://a.example.com", "a.example.com<sup>1</sup>"},
		{"https://a.example.com", "a.example.com¹"},
		{"problem: words stand around the address, which may limit or deny it", "a.example.com 1"},
		{"https://*.example.com", "&#42;.example.com"},
		// hidden and odd characters
		{"https://a.example.com", "\ufeffa.exam\u200bple\u00ad.com\u00a0"},
		{"https://a-b.example.com", "a\u2011b.example.com"},
		{`problem: the letter 'о' (U+043E) is not ASCII and may only look like one`, "micrоsoft.com"},
		{`problem: the letter '．' (U+FF0E) is not ASCII and may only look like one`, "https://a．example.com"},
		// case, dots, strays
		{"https://login.microsoftonline.com", "LOGIN.MICROSOFTONLINE.COM."},
		{"https://a.example.com", "a.example.com]"},
		{"problem: pattern \"*.example.com*\": the last label must be fixed", "*.example.com*"},
		{"problem: HTTP://*: \"*\" would allow every host", "HTTP\\://\\*. windowsupdate.microsoft.com"},
		{"problem: \"*\" would allow every host", "https://*"},
		{"problem: it has a user name before the host", "https://good.example.com@evil.example.com"},
		// ports and schemes
		{"https://a.example.com:8084", "a.example.com:8084"},
		{"http://a.example.com; https://a.example.com", "a.example.com:80,443"},
		{"http://a.example.com; https://a.example.com", "a.example.com:80, 443"},
		{"http://a.example.com; https://a.example.com", "a.example.com 80,443"},
		{"http://a.example.com; https://a.example.com", "a.example.com 80, 443"},
		{"http://a.example.com", "http://a.example.com:80"},
		{"http://a.example.com:8530", "http://a.example.com:8530"},
		{"https://a.example.com", "a.example.com TCP 443"},
		{"https://a.example.com", "TCP 443 a.example.com"},
		{"https://a.example.com", "a.example.com:443/TCP"},
		{"https://a.example.com:9418", "a.example.com 9,418"},
		{"problem: it says http and port 443, which do not go together", "http://go.microsoft.com:443"},
		{"problem: it says https and port 80, which do not go together", "https://go.microsoft.com:80"},
		{"no_rule: UDP port 123 does not pass an HTTP proxy: allow it at the firewall", "time.windows.com 123/udp"},
		{"no_rule: UDP port 123 does not pass an HTTP proxy: allow it at the firewall", "time.windows.com:123"},
		{"no_rule: it names no host", "git://:9418"},
		{"no_rule: it names no host", "https://443"},
		{"no_rule: git is neither plain HTTP nor CONNECT", "git://github.com:9418"},
		{"no_rule: a network of addresses, not a host: limit it at the firewall", "20.38.84.0/24"},
		{"https://x.servicebus.windows.net", "wss://x.servicebus.windows.net"},
		// labels, remarks, sentences
		{"https://*.his.arc.azure.com", "- Hybrid Identity Service: `*.his.arc.azure.com`"},
		{"https://a.example.com", "a.example.com - for the agents"},
		{"https://a.example.com", "`a.example.com`: for the agents"},
		{"https://a.example.cn cloud=china", "a.example.cn (Azure China)"},
		{"problem: words stand around the address, which may limit or deny it", "a.example.com is no longer needed"},
		{"problem: words stand around the address, which may limit or deny it", "a.example.com replaces b.example.com"},
		{"", "You need to unblock \\*.powershellgallery.com or download the module."},
		{"", "- [PowerShell Gallery](https://www.powershellgallery.com) URLs to install components such a NuGet and others"},
		{"", "- [Azure Arc](/azure/azure-arc/overview.md)"},
		{"", "For more information, see: https://learn.microsoft.com/azure"},
		{"", "- Port 443 (HTTPS)"},
		{"", "- README.md"},
		{"", "The module Az.StackHCI is needed, e.g. by Node.js."},
		{"", "### https://heading.example.com"},
		{"", "# https://comment.example.com"},
		{"", "me@example.com"},
		// placeholders
		{"unfilled: not a rule until filled: {region}", "https://<region>.login.microsoft.com"},
		{"unfilled: not a rule until filled: {region}", "https://\\<region\\>.login.microsoft.com"},
		{"unfilled: not a rule until filled: {region}", "`&lt;region&gt;.login.microsoft.com`"},
		{"unfilled: not a rule until filled: {region}", "{location}.login.microsoft.com"},
		{"unfilled: not a rule until filled: {regioncode}", "<region>.his.arc.azure.com"},
		{"unfilled: not a rule until filled: {region}", "*.<region>.arcdataservices.com"},
		{"unfilled: not a rule until filled: {region}", "san-af-<region>-prod.azurewebsites.net"},
		{"unfilled: not a rule until filled: {gateway}", "[Your URL Prefix].gw.arc.azure.com"},
		{"unfilled: not a rule until filled: {keyvault}", "your-key-vault.vault.azure.net"},
		{"unfilled: not a rule until filled: {keyvault}", "<azure-keyvault-name>.vault.azure.net"},
		{"unfilled: not a rule until filled: {witness}", "[myblobstorage].blob.core.windows.net"},
		{"unfilled: not a rule until filled: {yourname}", "<yourname>.example.com"},
		{"unfilled: not a rule until filled: {yourtenantname}", "yourtenantname.example.com"},
		{"https://yourphone.example.com", "yourphone.example.com"},
		// the lines of a list file
		{"https://a.example.com phase=updates expires=2027-01-01", "https://a.example.com expires=2027-01-01 phase=updates # monthly"},
		{"https://a.example.com id=x tag=A,B", "https://a.example.com id=x tag=A,B"},
		{"problem: no such key \"expired\"", "https://a.example.com expired=2027-01-01"},
		{"https://a.example.com", "https://a.example.com # why"},
		{"https://a.example.com cloud=china", "https://a.example.com cloud=china  # doc:1: | b.example.com<br>c.example.com |"},
		// rows without a header
		{"http://a.example.com; https://a.example.com", "12\tAKS\ta.example.com\t80, 443\tfor images"},
		{"https://a.example.com", "a.example.com,443,TCP"},
		{"https://a.example.com:8084", "Arc,a.example.com,8084,what it is for"},
		{"https://a.example.com", "| 12 | AKS | a.example.com | for the agents |"},
		{"https://a.example.com", "| 443 | a.example.com |"},
		// markup
		{"", "<!-- https://hidden.example.com -->"},
		{"", "[!INCLUDE [Required URLs table](../../includes/required-urls-table.md)]"},
		{"http://a.example.com", "<tr><td>a.example.com</td><td>80</td></tr>"},
		{"https://a.example.com; https://b.example.com", "<li>a.example.com</li><li>b.example.com</li>"},
	}
}

func TestLine(t *testing.T) {
	for _, tt := range lines() {
		if got := outcome(t, tt.line, policy.Place{}); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}
