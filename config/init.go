package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// InitParams are the answers that webproxy init puts into a new configuration. The zero InitParams
// gives the built-in configuration.
type InitParams struct {
	Cloud   string   // public, china or usgov; empty for public
	Region  string   // such as norwayeast; the list of what Azure Local needs there is then on
	Clients []string // groups: "nodes=10.0.1.0/24,10.0.2.10"
}

// A File is one that webproxy init writes.
type File struct {
	Path string // relative to the directory of the configuration, with slashes
	Data []byte
}

const approvedHeader = `# Hosts that may be reached besides the built-in lists, one to a line:
#   [scheme://]host[:port,..][/path] [key=value ...] [# comment]
#   www.example.com                     CONNECT, port 443
#   *.example.com:443,8443              one or more labels before example.com, never itself
#   http://crl.example.com              plain HTTP, port 80
# Keys: id phase cloud tag expires by reason, such as expires=2027-12-31 reason="CHG-1042".
# Learning and webproxy's commands add lines here; see docs/rules.md.
`

// Init returns the files of a new configuration: webproxy.yaml, an empty list of approved hosts,
// and the JSON Schema with which editors check the former.
func Init(p InitParams) ([]File, error) {
	text := string(defaultYAML)
	edit := func(old, new string) {
		if !strings.Contains(text, old) {
			panic("config: default.yaml has no " + old) // TestInit makes every edit
		}
		text = strings.ReplaceAll(text, old, new)
	}
	edit("# - { id: approved, file", "- { id: approved, file")
	if p.Cloud != "" && p.Cloud != "public" {
		if !slices.Contains([]string{"china", "usgov"}, p.Cloud) {
			return nil, fmt.Errorf("cloud %q: want public, china or usgov", p.Cloud)
		}
		edit("  cloud: public\n", "  cloud: "+p.Cloud+"\n")
		edit("    allow: [{ from: default, to: \"https://login.microsoftonline.com\" }]\n", "") // of the public cloud
	}
	if p.Region != "" {
		if !lowerName(p.Region) {
			return nil, fmt.Errorf("region %q: want a name such as norwayeast", p.Region)
		}
		edit("  # region: norwayeast\n", "  region: "+p.Region+"\n")
		if p.Cloud != "china" { // for which there is no Azure Local
			edit("# - { id: local, ", "- { id: local, ")
			edit("- { id: hci, ", "# - { id: hci, ")
			edit("- { id: arc, ", "# - { id: arc, ")
		}
	}
	if len(p.Clients) > 0 {
		first, line, err := clientsLine(p.Clients)
		if err != nil {
			return nil, err
		}
		edit("  # clients: { nodes: [10.0.1.0/24], wac: [10.0.2.10, 10.0.2.11] }\n", line)
		edit("{ from: default, ", "{ from: "+first+", ")
	}
	return []File{
		{"webproxy.yaml", []byte(text)},
		{"lists/approved.txt", []byte(approvedHeader)},
		{"webproxy.schema.json", Schema()},
	}, nil
}

// clientsLine makes the clients setting of groups such as "nodes=10.0.1.0/24,10.0.2.10", and
// returns the first group's name with it.
func clientsLine(groups []string) (first, line string, err error) {
	var settings, names []string
	for _, g := range groups {
		name, list, ok := strings.Cut(g, "=")
		if !ok || !lowerName(name) || name == "default" || slices.Contains(names, name) {
			return "", "", fmt.Errorf("clients %q: want a new name and its addresses, such as nodes=10.0.1.0/24,10.0.2.10", g)
		}
		names = append(names, name)
		var addrs []string
		for part := range strings.SplitSeq(list, ",") {
			part = strings.TrimSpace(part)
			if _, err := netip.ParsePrefix(part); err != nil {
				if _, err := netip.ParseAddr(part); err != nil {
					return "", "", fmt.Errorf("clients %q: %q is neither an address nor a prefix such as 10.0.1.0/24", g, part)
				}
			}
			addrs = append(addrs, fmt.Sprintf("%q", part)) // an IPv6 address is no plain YAML
		}
		settings = append(settings, name+": ["+strings.Join(addrs, ", ")+"]")
	}
	return names[0], "  clients: { " + strings.Join(settings, ", ") + " }\n", nil
}

// lowerName reports whether s is a name that needs no quotes anywhere.
func lowerName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '_')) {
			return false
		}
	}
	return s != "" && len(s) <= 64 && !slices.Contains([]string{"null", "true", "false"}, s)
}

// Local returns the file's path below dir.
func (f File) Local(dir string) string { return filepath.Join(dir, filepath.FromSlash(f.Path)) }
