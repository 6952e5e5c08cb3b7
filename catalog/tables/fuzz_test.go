package tables_test

import (
	"html"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

var entity = regexp.MustCompile(`&#?\w+;`)

// plain is what a person reads in a line: lower case, without escapes and hidden characters.
func plain(s string) string {
	s = strings.Map(shown, s)
	s = entity.ReplaceAllStringFunc(s, html.UnescapeString)
	s = strings.Map(shown, s) // again: an entity may stand for a hidden character
	return strings.ToLower(strings.ReplaceAll(s, `\`, ""))
}

func shown(c rune) rune {
	switch {
	case unicode.In(c, unicode.Cf, unicode.Variation_Selector), c == '\u034f', c == '\u2800':
		return -1
	case c == '\u2010', c == '\u2011':
		return '-'
	}
	return c
}

// narrow says how e is broader than its line, which may be a part of more; "" if it is not. The line must have the host, the ports
// and the path of e, and no longer name or path.
func narrow(e policy.Entry, line, within string) string {
	text := plain(line)
	if within != "" {
		text = plain(within)
	}
	path := strings.ToLower(e.Path)
	if e.Query != "" {
		path += "?" + strings.ToLower(e.Query)
	}
	host := regexp.QuoteMeta(e.Host.String())
	// No part of a name, and no "*.", may stand before the host; after it come its port and its path.
	pattern := `(?:^|[^\w.\-])(?:\*|_)*` + host + `\.?(?::[\d, ]+(?:/tcp)?)?`
	switch e.Path {
	case "":
		pattern += `(?:/tcp|/?(?:#|$|[^\w/?:.\-*]|[.,;:!?)\]*_'"]))`
	case "/":
		pattern += `/?` + regexp.QuoteMeta(strings.TrimPrefix(path, "/"))
	default:
		pattern += regexp.QuoteMeta(path)
	}
	matches := func(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }
	if !matches(pattern, text) {
		above := regexp.QuoteMeta(strings.TrimPrefix(e.Host.String(), "*."))
		// ".example.com" is, for Squid, example.com and all below it
		dotted := `(?:^|[\s>[:cntrl:]])\.` + above + `\.?(?:$|[\s#<[:cntrl:]])`
		// "\.example\.com$" is, for Tinyproxy, all below example.com
		below := `(?:^|[\s>])(?:\^\.\*\\\.|\^\((?:\?:)?\.\*\\\.\)\?|\((?:\?:)?\^\|\\\.\)|\\\.)` + strings.ReplaceAll(above, `\.`, `\\\.`) + `\$`
		if e.Path != "" || !matches(dotted, text) && !matches(below, strings.ToLower(line)) {
			return "its host and path do not stand in the line"
		}
	}
	for _, port := range e.Ports {
		digits := strconv.Itoa(int(port))
		if !strings.Contains(text, digits) && !strings.Contains(strings.ReplaceAll(text, ",", ""), digits) {
			return "its port does not stand in the line"
		}
	}
	if e.Scheme == policy.HTTP && !strings.Contains(text, "http") && !strings.Contains(text, "ws") && !strings.Contains(text, "80") {
		return "nothing in the line says plain HTTP"
	}
	if e.Scheme == policy.SchemeNone {
		return "it has no scheme"
	}
	return ""
}

// check fails unless a report keeps the two guarantees of the package.
func check(t *testing.T, doc string, report tables.Report) {
	t.Helper()
	var seen []string
	for _, l := range report.Lines {
		if len(l.Entries)+len(l.Left) == 0 {
			t.Errorf("line %d %q is not accounted for", l.Number, l.Text)
		}
		for _, e := range l.Entries {
			if why := narrow(e, l.Text, l.Within); why != "" {
				t.Errorf("line %d %q gives %s: %s", l.Number, l.Text, e, why)
			}
			back, err := policy.ParseEntry(e.String())
			if err != nil || back.String() != e.String() {
				t.Errorf("line %d: %s reads back as %s, %v", l.Number, e, back, err)
			}
		}
		seen = append(seen, strings.Split(l.Text, "\n")...)
	}
	if strings.HasPrefix(doc, "\xff\xfe") || strings.HasPrefix(doc, "\xfe\xff") || strings.Contains(doc, "\x00") {
		return // UTF-16, whose lines are not those of doc
	}
	doc = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(doc, "\ufffd"))
	want := slices.DeleteFunc(strings.Split(doc, "\n"), empty)
	if seen = slices.DeleteFunc(seen, empty); !slices.Equal(seen, want) {
		t.Errorf("lines in the report:\n%q\nin the document:\n%q", seen, want)
	}
}

// empty reports whether a line has nothing to see.
func empty(line string) bool {
	return !strings.ContainsFunc(line, func(c rune) bool {
		return unicode.IsLetter(c) || unicode.IsPunct(c) || '0' <= c && c <= '9'
	})
}

func FuzzRead(f *testing.F) {
	seed, err := os.ReadFile("testdata/seed-2021-12.md")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(seed), "\n") {
		f.Add(line)
	}
	for _, tt := range lines() {
		f.Add(tt.line)
	}
	for _, tt := range append(forms(), habits()...) {
		f.Add(tt.doc)
	}
	f.Add(string(seed))
	f.Add("URL,Port\na.example.com,\"80,443\"\n\"b.example.com\nc.example.com\",9,418\n")
	f.Add("[{\n\"URL\": \"http://*.example.com\",\n\"Port\": “80”\n}]")
	f.Add("<!--\nhttps://hidden.example.com\n-->https://a.example.com")
	f.Fuzz(func(t *testing.T, doc string) {
		report, err := tables.Read("doc", []byte(doc), policy.Place{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, doc, report)
		list, _, err := report.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(list), "\n") {
			if _, err := policy.ParseEntry(line); err != nil {
				t.Errorf("in the list: %q: %v", line, err)
			}
		}
		if again, _, err := report.Append(list); err != nil || string(again) != string(list) {
			t.Errorf("appended twice: %v\n%s", err, again)
		}
	})
}

// Nothing in a denied row, object or section becomes an entry, however the rest is written.
func FuzzDenied(f *testing.F) {
	for _, tt := range forms() {
		f.Add(tt.doc)
	}
	f.Add("a.example.com")
	const banned = "banned.example.org"
	f.Fuzz(func(t *testing.T, host string) {
		clean := strings.Map(func(c rune) rune {
			if c >= 0x80 || strings.ContainsRune("\n\r\x00,;|<>\"'`\\#{}[]()&~_*", c) || c < ' ' {
				return -1
			}
			return c
		}, host)
		for form, doc := range map[string]string{
			"csv":       "URL,Action\n" + clean + ",Allow\n" + banned + ",Deny\n",
			"markdown":  "## " + clean + "\n|URL|Action|\n|-|-|\n|" + banned + "|Blocked|\n",
			"section":   "## Blocked\n" + clean + "\n- " + banned + "\n",
			"json":      "[{\"note\": \"" + clean + "\", \"url\": \"" + banned + "\", \"action\": {\"type\": \"Deny\"}}]",
			"broken":    "[{\"note\": \"" + clean + "\" \"url\":\n\"" + banned + "\",\n\"action\": {\"type\": \"Deny\"}}]",
			"terraform": "resource \"a\" \"b\" {\n note = \"" + clean + "\"\n action = \"Deny\"\n rule {\n  target_fqdns = [\"" + banned + "\"]\n }\n}\n",
			"bicep":     "param a string = '" + clean + "'\nvar b = {\n action: { type: 'Deny' }\n rules: [ { targetFqdns: [ '" + banned + "' ] } ]\n}\n",
			"xml":       "<rules><rule action=\"deny\"><name>" + clean + "</name><host>" + banned + "</host></rule></rules>",
			"html":      "<table><tr><th>URL</th><th>Action</th></tr><tr><td>" + clean + "</td><td>Allow</td></tr><tr><td>" + banned + "</td><td>Deny</td></tr></table>",
			"squid":     "acl x dstdomain " + banned + "\n# " + clean + "\nhttp_access deny x\n",
			"yaml":      "rules:\n  - host: \"" + clean + "\"\n    port: 443\n  - host: " + banned + "\n    action: deny\n",
			"alias":     "x: &x [" + banned + "]\nnote: \"" + clean + "\"\nrules:\n  - action: deny\n    hosts: *x\n",
			"false":     "[{\"url\": \"" + clean + "\", \"allow\": true}, {\"url\": \"" + banned + "\", \"allow\": false}]",
			"rows":      "[[\"" + clean + "\", 443, \"Allow\"], [\"" + banned + "\", 443, \"Deny\"]]",
			"locals":    "locals {\n hosts = [\"" + banned + "\"]\n}\nresource \"a\" \"b\" {\n note = \"" + clean + "\"\n action = \"Deny\"\n fqdns = local.hosts\n}\n",
			"var":       "var hosts = [ '" + banned + "' ]\nvar b = {\n note: '" + clean + "'\n action: { type: 'Deny' }\n rules: [ { targetFqdns: hosts } ]\n}\n",
			"rowspan":   "<table><tr><th>Action</th><th>URL</th></tr><tr><td rowspan=2>Deny</td><td>" + clean + "</td></tr><tr><td>" + banned + "</td></tr></table>",
			"inner":     "<table><tr><th>URL</th><th>Action</th></tr><tr><td>" + clean + "<table><tr><td>" + banned + "</td></tr></table></td><td>Deny</td></tr></table>",
			"pairs":     clean + "\n\nHost: " + banned + "\nAction: Deny\n",
			"hosts":     "0.0.0.0 " + banned + "\n" + clean + "\n",
		} {
			report, err := tables.Read("doc", []byte(doc), policy.Place{})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range report.Lines {
				for _, e := range l.Entries {
					if strings.Contains(e.Host.String(), "banned") && !strings.Contains(clean, "banned") {
						t.Errorf("%s: %q allows %s", form, doc, e)
					}
				}
			}
		}
	})
}
