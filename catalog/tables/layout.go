package tables

import (
	"slices"
	"strings"
)

// A column is what a column of a table is for.
type column uint8

const (
	other    column = iota
	addrs           // addresses
	maybe           // addresses, or something else
	portCol         // ports
	protoCol        // protocols
	dirCol          // inbound or outbound
	actCol          // allow or deny
	blockCol        // yes is deny
	srcCol          // where requests come from
)

// A layout says what the columns of a table are for. The zero layout has no columns.
type layout struct {
	columns []column
	clouds  []string // of each column; "" if it is not known
	denied  []bool   // columns of what is denied
}

// layoutOf reads the header of a table.
func layoutOf(header []string) layout {
	l := layout{columns: make([]column, len(header)), clouds: make([]string, len(header)), denied: make([]bool, len(header))}
	elsewhere := false
	for i, cell := range header {
		words := headerWords(cell)
		l.columns[i] = columnOf(words)
		if l.columns[i] == addrs || l.columns[i] == maybe {
			l.clouds[i] = cloudOf(cell)
			l.denied[i] = saysDeny(cell)
			elsewhere = elsewhere || l.clouds[i] == "china" || l.clouds[i] == "usgov"
		}
	}
	sure := slices.Contains(l.columns, addrs)
	for i, c := range l.columns {
		switch {
		case c == maybe && sure && l.clouds[i] == "":
			l.columns[i] = other
		case (c == addrs || c == maybe) && elsewhere && l.clouds[i] == "":
			// Beside a column for another cloud, the one without a name is that of the public cloud.
			l.clouds[i] = "public"
		}
	}
	return l
}

// sure reports whether the header names a column of addresses.
func (l layout) sure() bool { return slices.Contains(l.columns, addrs) }

// isTables reports whether l is the header of a table, and not a sentence with commas: it has a column of addresses, or one of
// destinations and another one of firewall rules.
func (l layout) isTables() bool {
	if l.sure() {
		return true
	}
	for _, c := range l.columns {
		switch c {
		case portCol, protoCol, dirCol, actCol, blockCol, srcCol:
			return slices.Contains(l.columns, maybe)
		}
	}
	return false
}

func headerWords(cell string) []string {
	return strings.FieldsFunc(strings.ToLower(plainText(cell)), func(c rune) bool {
		return !('a' <= c && c <= 'z' || c == '#')
	})
}

func columnOf(words []string) column {
	kind := other
	for _, w := range words {
		switch w {
		case "description", "purpose", "tag", "tags", "id", "number", "no", "note", "notes", "#", "type", "support", "supported",
			"deprecated", "private", "used", "previous", "previously", "old", "former", "removed", "internal", "example", "comment", "comments":
			return other
		case "source", "sources", "src", "from", "client", "clients":
			return srcCol
		case "url", "urls", "uri", "uris", "endpoint", "endpoints", "fqdn", "fqdns", "host", "hosts", "hostname", "hostnames",
			"domain", "domains", "address", "addresses", "website", "websites", "site", "sites":
			kind = addrs
		case "destination", "destinations", "china", "gov", "government", "usgov", "vianet":
			if kind == other {
				kind = maybe
			}
		case "port", "ports":
			if kind != addrs {
				kind = portCol
			}
		case "protocol", "protocols", "transport":
			if kind == other {
				kind = protoCol
			}
		case "direction":
			return dirCol
		case "action", "actions", "access", "verdict", "decision", "permission", "effect", "allow", "allowed", "permitted":
			if kind == other {
				kind = actCol
			}
		case "deny", "denied", "block", "blocked":
			if kind == other {
				kind = blockCol
			}
		}
	}
	return kind
}

// cloudOf is the only cloud that a text names; "" if it does not name exactly one.
func cloudOf(text string) string {
	found := ""
	for _, w := range headerWords(text) {
		cloud := ""
		switch w {
		case "china", "vianet", "mooncake":
			cloud = "china"
		case "gov", "government", "usgov", "fairfax":
			cloud = "usgov"
		case "public", "commercial":
			cloud = "public"
		}
		if cloud == "" || cloud == found {
			continue
		}
		if found != "" {
			return ""
		}
		found = cloud
	}
	return found
}
