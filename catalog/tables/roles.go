package tables

import "strings"

// A role is what a field of an object is for.
type role uint8

const (
	noRole  role = iota
	dest         // destinations
	network      // destinations that may also be networks and tags
	ports
	protos
	action
	direction
	cloudRole
	switchRole // whether a rule is in force
	remark     // names, comments: never a destination
	unrelated  // sources of requests, labels: nothing in it is a destination
)

// roleOf returns the role of a field by its name: endpointUrl, endpoint_url and "Endpoint URL" are the same.
func roleOf(key string) role {
	key = plainKey(key)
	switch key {
	case "url", "urls", "uri", "uris", "endpoint", "endpoints", "endpointurl", "endpointurls", "fqdn", "fqdns", "targetfqdn", "targetfqdns",
		"destinationfqdn", "destinationfqdns", "destfqdn", "destfqdns", "host", "hosts", "hostname", "hostnames", "domain", "domains", "domainname", "domainnames",
		"targeturl", "targeturls", "site", "sites", "website", "websites", "alloweddomains", "allowedhosts", "allowedurls", "allowedfqdns", "allowedendpoints", "allowedsites",
		"allowlist", "whitelist", "allow", "allowed", "matchname", "matchpattern", "dnsname", "dnsnames", "tofqdns":
		return dest
	case "destinationaddresses", "destinationaddress", "destination", "destinations", "destinationaddressprefix", "destinationaddressprefixes",
		"address", "addresses", "ip", "ips", "ipaddress", "ipaddresses", "cidr", "cidrs", "cidrblock", "cidrblocks", "ipblock", "tocidr", "tocidrset", "cidrselector", "nets":
		return network
	case "port", "ports", "destinationport", "destinationports", "destinationportrange", "destinationportranges", "tcpport", "tcpports", "toports":
		return ports
	case "protocol", "protocols", "ipprotocol", "ipprotocols", "protocoltype", "transport", "scheme", "schemes":
		return protos
	case "action", "actions", "access", "effect", "verdict", "decision", "policyaction", "ruleaction", "disposition":
		return action
	case "direction":
		return direction
	case "enabled", "isenabled", "disabled", "isdisabled", "enable", "disable", "active", "isactive":
		return switchRole
	case "cloud", "environment", "azurecloud":
		return cloudRole
	case "name", "names", "id", "description", "desc", "remediation", "title", "displayname", "schema", "contentversion", "type", "version", "apiversion", "kind",
		"note", "notes", "comment", "comments", "documentation", "docs", "link", "links", "reference", "references", "helplink",
		"targetresourceid", "targetresourcename", "targetresourcetype", "resourcegroupname", "location", "tag", "generator", "author", "service", "severity", "group", "priority":
		return remark
	case "sourceaddresses", "sourceaddress", "sourceaddressprefix", "sourceaddressprefixes", "source", "sources", "sourceipgroups", "sourceports", "sourceportrange",
		"sourceportranges", "src", "srcaddr", "srcaddrs", "srcaddress", "srcaddresses", "srcip", "srcips", "from", "fromcidr", "fromcidrset", "fromendpoints", "fromentities",
		"metadata", "tags", "labels", "matchlabels", "annotations", "selector", "output", "outputs", "podselector", "namespaceselector", "endpointselector", "nodeselector", "objectselector":
		return unrelated
	}
	return noRole
}

// plainKey is a field's name in lower case, letters and digits only.
func plainKey(key string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			return c
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return -1
	}, key)
}

// isNegation reports whether a field excludes its value from the fields beside it: notPorts, except.
func isNegation(key string) bool {
	key = plainKey(key)
	for _, prefix := range []string{"not", "except", "exclude", "excluding", "excluded", "exclusion"} {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if prefix != "not" {
				return true
			}
			switch roleOf(rest) {
			case dest, network, ports, protos:
				return true
			}
		}
	}
	return false
}

// truth reads a text that means yes or no; ok is false for any other.
func truth(text string) (yes, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes", "y", "on", "1", "enabled", "enable", "active":
		return true, true
	case "false", "no", "n", "off", "0", "disabled", "disable", "inactive":
		return false, true
	}
	return false, false
}

// isAllowKey reports whether a field says by yes or no whether something is allowed.
func isAllowKey(key string) bool {
	switch plainKey(key) {
	case "allow", "allowed", "isallowed", "permit", "permitted", "accept", "accepted", "allowaccess", "whitelisted", "approved", "isapproved":
		return true
	}
	return false
}
