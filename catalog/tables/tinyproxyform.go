package tables

import "strings"

// tinyproxyHint matches a configuration of Tinyproxy.
var tinyproxyHint = lazy(`(?mi)^[ \t]*(?:FilterDefaultDeny|FilterType|FilterURLs|FilterExtended|FilterCaseSensitive|ConnectPort|MaxClients|StartServers|ViaProxyName|DisableViaHeader)[ \t]`)

// tinyproxy reads a configuration of Tinyproxy. It names no destinations: its Allow and Deny are about clients, and the
// names stand in a file of their own, which are allowed only if the configuration says FilterDefaultDeny.
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
		f := leave(Problem, file, "the names are in another file", "import that file: FilterDefaultDeny says that they are what is allowed")
		if !defaultDeny {
			f = leave(Problem, file, "the names are in another file, and are denied: there is no FilterDefaultDeny Yes", "import that file with lists import --deny")
		}
		found[i+1] = &f
	}
	d.lay(0, len(d.lines), "configuration of Tinyproxy, which names no destination here", found)
}

// simpleRegex matches the regular expressions that say no more than a name, or all names below a domain: whole ones,
// from the beginning or the dot to the end, with every dot escaped.
var simpleRegex = lazy(`^(\^|\^\.\*\\\.|\^\(\.\*\\\.\)\?|\^\(\?:\.\*\\\.\)\?|\(\^\|\\\.\)|\(\?:\^\|\\\.\)|\\\.)((?:[A-Za-z0-9_-]+\\\.)+[A-Za-z0-9-]+)\$$`)

// pattern is one that simpleRegex matched, as Squid writes names: with a dot before it for itself and all below it, with
// "*." for all below it.
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

// regexLine reads a regular expression as Tinyproxy's filter and Squid's dstdom_regex have them, if it is a simple one.
func (d *document) regexLine(text string, v verdict) (finding, bool) {
	match := simpleRegex().FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return finding{}, false
	}
	var f finding
	for _, p := range patternOf(match) {
		f.add(d.filling.endpoint(p, portList{}, ""))
	}
	return d.evaluate(f, v, "", text), true
}
