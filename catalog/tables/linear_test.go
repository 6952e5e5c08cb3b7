package tables_test

import (
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/internal/lineartest"
	"webproxy/policy"
)

// Whatever is repeated, ten times as much takes about ten times as long.
func TestReadIsLinear(t *testing.T) {
	for _, unit := range []string{
		"a.example.com,", "a.example.com ", "a.example.com\n", "|a.example.com", "a.example.com\t", "a.example.com:80, 443, ", "80,", "443, ", "/x,",
		"<a>.b ", "{a}.b,", "[a].b", "(", ")", "]", "}", "<", "*", "_", "\"", "&#42;", "<br>", "<tr><td>a.example.com", "[a](b", "- ", "<!--",
		"URL,\"\n", "URL,Port\n", "|URL|\n|-|\n", "{\"URL\": \"a.example.com\"\n", "{\"URL\": \"a.example.com\"},", "[{", "\"a\": ", "{\n\n", "{}\n", "{\"url\":\"a.example.com\"}\n",
		"a = [\"a.example.com\"]\n", "a = [\n", "resource \"a\" \"b\" {\n", "a: [ 'a.example.com' ]\n", "- host: a.example.com\n  port: 80\n", "<a>", "<a b='c'/>", "<table>\n",
		"<tr><td rowspan=100>", "<h1>Blocked</h1>", "```\n", "```\n{\n", "## Blocked\n", "Blocked:\n", ".a.example\n", "0.0.0.0 a.example.com\n", "acl a dstdomain a.example.com\n",
	} {
		arounds := [][2]string{{"", ""}}
		if !strings.ContainsAny(unit, "\n<{") { // it can stand in a cell
			arounds = append(arounds, [2]string{"| URL |\n|---|\n| a.example.com:80,", " |"})
		}
		for _, around := range arounds {
			lineartest.Check(t, around[0]+unit+around[1], 4<<10, func(n int) func() {
				doc := []byte(around[0] + strings.Repeat(unit, n/len(unit)) + around[1])
				return func() {
					report, err := tables.Read("doc", doc, policy.Place{})
					if err != nil {
						t.Fatal(err)
					}
					report.Summary()
					if _, _, err := report.Append(nil); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}
