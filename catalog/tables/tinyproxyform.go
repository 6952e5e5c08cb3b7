package tables

import "strings"

// tinyproxyHint matches a configuration of Tinyproxy.
var tinyproxyHint = lazy(`(?mi)^[ \t]*(?:FilterDefaultDeny|FilterType|FilterURLs|FilterExtended|FilterCaseSensitive|ConnectPort|MaxClients|StartServers|ViaProxyName|DisableViaHeader)[ \t]`)

// tinyproxy reads a configuration of Tinyproxy. It has no destinations: its Allow and Deny are about clients, and the names are in
// another file. They are allowed only if the configuration has FilterDefaultDeny.
func (d *document) tinyproxy() {
	defaultDeny := false
	for _, line := range d.lines {
		if words := strings.Fields(withoutHash(line)); len(words) == 2 && strings.EqualFold(words[0], "FilterDefaultDeny") {
			defaultDeny = strings.EqualFold(words[1], "yes") || strings.EqualFold(words[1], "on")
		}
	}
	found := map[int]*finding{}
	for i, line := range d.lines {
		words := strings.Fields(withoutHash(line))
		if len(words) < 2 || !strings.EqualFold(words[0], "Filter") {
			continue
		}
		file := strings.Trim(words[1], `"`)
		f := leftOut(Problem, file, "the names are in another file", "import that file: FilterDefaultDeny says that they are what is allowed")
		if !defaultDeny {
			f = leftOut(Problem, file, "the names are in another file, and are denied: there is no FilterDefaultDeny Yes", "import that file with lists import --deny")
		}
		found[i+1] = &f
	}
	d.addLines(0, len(d.lines), "configuration of Tinyproxy, which names no destination here", found)
}

// simpleRegex matches regular expressions for one name, or for all names below a domain: anchored at the beginning or a dot and at
// the end, with every dot escaped.
var simpleRegex = lazy(`^(\^|\^\.\*\\\.|\^\(\.\*\\\.\)\?|\^\(\?:\.\*\\\.\)\?|\(\^\|\\\.\)|\(\?:\^\|\\\.\)|\\\.)((?:[A-Za-z0-9_-]+\\\.)+[A-Za-z0-9-]+)\$$`)

// patternOf returns the host patterns of a match of simpleRegex.
func patternOf(match []string) []string {
	name := strings.ReplaceAll(match[2], `\.`, ".")
	switch match[1] {
	case "^":
		return []string{name}
	case `^.*\.`, `\.`:
		return []string{"*." + name}
	}
	return []string{"*." + name, name}
}

// regexLine reads a regular expression as in Tinyproxy's filter and Squid's dstdom_regex, if it is a simple one.
func (d *document) regexLine(text string, v verdict) (finding, bool) {
	match := simpleRegex().FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return finding{}, false
	}
	var f finding
	for _, p := range patternOf(match) {
		f.add(d.filler.endpoint(p, portList{}, ""))
	}
	return d.applyVerdict(f, v, "", text), true
}
