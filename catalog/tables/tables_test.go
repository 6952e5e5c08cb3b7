package tables_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"webproxy/policy"
)

// Tables, whole, with what their rows come to.
func TestTable(t *testing.T) {
	tests := []struct{ name, want, doc string }{
		{"ports column", "http://a.example.com; https://a.example.com; https://b.example.com:9418; https://c.example.com:8084; http://d.example.com", `
| URL | Port |
|:---|---:|
| a.example.com | 80,443 |
| b.example.com | 9,418 |
| c.example.com | 8084 |
| d.example.com | 80 |`},
		{"protocols", "https://a.example.com; http://b.example.com; https://c.example.com; https://d.example.com; http://e.example.com; https://e.example.com", `
| FQDN | Ports | Protocol |
|---|---|---|
| a.example.com | 443/TCP | |
| b.example.com | TCP 80 | |
| c.example.com | 443 | HTTPS |
| d.example.com | 443 | TCP (TLS) |
| e.example.com | | HTTP/HTTPS |`},
		{"UDP", strings.Repeat("no_rule: UDP port 123 does not pass an HTTP proxy: allow it at the firewall; ", 3) + "https://b.example.com", `
| Host | Port | Protocol |
|---|---|---|
| time.windows.com | 123 | UDP |
| time.windows.com | UDP 123 | |
| time.windows.com | 123 | |
| b.example.com | TCP 443, UDP 443 | |`},
		{"ports that are none", "problem: ports: \"22,443\" could be port 22443, or ports 22 and 443: write it without the comma, or with a space after it; " +
			"problem: ports: \"any\" is not a port; problem: ports: port \"5000-5010\": want 1 to 65535; problem: ports: port \"0\": want 1 to 65535; https://e.example.com", `
| URL | Port |
|---|---|
| a.example.com | 22,443 |
| b.example.com | Any |
| c.example.com | 5000-5010 |
| d.example.com | 0 |
| e.example.com | n/a |`},
		{"ports and addresses that disagree", "http://a.example.com; https://b.example.com:8084; " +
			"problem: the address says port 8084, the line beside it port 443; problem: it says http and port 443, which do not go together; " +
			"problem: it says http and HTTPS, which do not go together", `
| URL | Port | Protocol |
|---|---|---|
| http://a.example.com | 80, 443 | |
| https://b.example.com:8084 | 8084 | |
| c.example.com:8084 | 443 | |
| http://d.example.com | 443 | |
| http://e.example.com | 80 | HTTPS |`},
		{"clouds", "https://a.example.com cloud=public; https://a.example.cn cloud=china; https://a.example.us cloud=usgov; " +
			"https://b.example.com cloud=public; no_rule: it names no host", `
| Service | URL | Azure China URL | Azure Government URL |
|---|---|---|---|
| A | a.example.com | a.example.cn | a.example.us |
| B | b.example.com | Coming soon. | |`},
		{"cells of several lines", "https://a.example.com; https://*.b.example.com; https://c.example.com; https://d.example.com", `
| Endpoints | Notes |
|---|---|
| ` + "`a.example.com`<br>`\\*.b.example.com`" + ` | |
| Depends on what you use:<br/>Identity: c.example.com<br>**Note:** more will come. | |
| <ul><li>d.example.com</li></ul> | |`},
		{"an escaped pipe, and one that is not", "https://a.example.com; problem: an address stands in another column than that of addresses", `
| Description | URL | Port |
|---|---|---|
| this \| that | a.example.com | 443 |
| this | that | b.example.com |`},
		{"links", "https://www.example.com/x; https://a.example.com; problem: the link shows a.example.com and leads to http://b.example.com", `
| Endpoint |
|---|
| [the page](https://www.example.com/x) |
| [a.example.com](https://a.example.com/docs) |
| [a.example.com](http://b.example.com) |`},
		{"sentences in a column of addresses", "problem: words stand around the address, which may limit or deny it; " +
			"problem: words stand around the address, which may limit or deny it", `
| URL |
|---|
| Not required if *.example.com is allowed |
| a.example.com, formerly b.example.com |`},
		{"notes and other columns are not read", "https://a.example.com", `
| Id | Endpoint | Previous URL | Endpoint description | Notes |
|---|---|---|---|---|
| 12 | a.example.com | b.example.com | c.example.com | d.example.com |`},
		{"inbound", "https://a.example.com; no_rule: an inbound connection, which a forward proxy has no part in", `
| URL | Direction |
|---|---|
| a.example.com | Outbound |
| b.example.com | Inbound |`},
		{"no column of addresses", "", `
| Rule | Destination | Ports |
|---|---|---|
| Cluster | Cluster servers | Minimum of 100 ports above port 5000 |`},
		{"a header in no language we know", "https://a.example.com; https://b.example.com:8084", `
| Dienst | Ziel | Port |
|---|---|---|
| 12 | a.example.com | 443 |
| 13 | b.example.com | 8084 |`},
		{"without pipes at the sides", "https://a.example.com", "URL | Port\n--- | ---\na.example.com | 443"},
		{"in a quote", "https://a.example.com", "> | URL | Port |\n> |---|---|\n> | a.example.com | 443 |"},
		{"two tables", "https://a.example.com; http://b.example.com", "|URL|Port|\n|-|-|\n|a.example.com|443|\n\n|Port|URL|\n|-|-|\n|80|b.example.com|"},
		{"in an HTML comment", "https://b.example.com", "<!-- |URL|\n|-|\n|a.example.com|\n-->\nb.example.com"},
		{"a comment without an end", "https://a.example.com", "<!-- never closed\na.example.com"},
		{"front matter", "https://b.example.com", "---\nurl: a.example.com\n---\nb.example.com"},
		{"CSV", "http://a.example.com; https://a.example.com; https://b.example.com; https://c.example.com; https://d.example.com", `
Ports,Description,URL
"80,443","x, ""y"" and z",a.example.com
443,"two
lines","b.example.com
c.example.com"

443,"a quote that nothing closes,d.example.com`},
		{"semicolons", "http://a.example.com; https://a.example.com", "URL;Port\na.example.com;80,443"},
		{"tabs", "http://a.example.com; https://a.example.com; https://b.example.com", "Id\tEndpoint URL\tPort\n1\ta.example.com\t80, 443\n2\tb.example.com\t443"},
		{"JSON with smart quotes", "https://a.example.com; problem: it says http and port 443, which do not go together; http://c.example.com; https://c.example.com", `
[{
    "URL": "https://a.example.com/",
    "Port": "443",
    "Notes": “formerly https://b.example.com.”
  },
  { "URL": "http://*.example.com",
    "Port": "443" },
  {
    "Port": "80,443",
    "URL": "c.example.com"
  }]`},
	}
	for _, tt := range tests {
		if got := outcome(t, tt.doc, policy.Place{}); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		check(t, tt.doc, read(t, tt.doc))
	}
}

// Excel and PowerShell write UTF-16.
func TestUTF16(t *testing.T) {
	units := utf16.Encode([]rune("\ufeffURL\tPort\r\na.example.com\t80,443\r\n"))
	little, big := []byte{}, []byte{}
	for _, u := range units {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	for _, doc := range [][]byte{little, big} {
		if got := outcome(t, string(doc), policy.Place{}); got != "http://a.example.com; https://a.example.com" {
			t.Errorf("got %s", got)
		}
	}
}

func TestNotes(t *testing.T) {
	for line, want := range map[string]string{
		"a.exam\u200bple.com":           "hidden characters taken out",
		"\ufeffa.example.com":           "",
		"a.example.com]":                `a stray "]" left out`,
		"http://a.example.com 80, 443":  "it says http and port 443, which do not go together",
		"a.example.com:443,8084 443":    "port 8084 of the address left out: what stands beside it has other ports",
		"a.example.com:443 443, 8084":   "port 8084 left out: the address itself says 443",
		"a.example.com 443/TCP/UDP":     "UDP port 443 left out: it does not pass an HTTP proxy",
		"a.example.com TCP 443, UDP 53": "UDP port 53 does not pass an HTTP proxy: allow it at the firewall",
		"a.example.com TCP 443 UDP 53":  "UDP port 53 does not pass an HTTP proxy: allow it at the firewall",
		"a.example.com 443, UDP 53":     "UDP port 53 does not pass an HTTP proxy: allow it at the firewall",
		"a.example.com 443/TCP 53/UDP":  "UDP port 53 does not pass an HTTP proxy: allow it at the firewall",
	} {
		l := read(t, line).Lines[0]
		if got := strings.Join(l.Notes, "; "); got != want || len(l.Entries) != 1 {
			t.Errorf("%q: %v with notes %q, want one entry and %q", line, l.Entries, got, want)
		}
	}
}
