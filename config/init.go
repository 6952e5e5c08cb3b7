package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// InitParams are the values that webproxy init puts into a new configuration. The zero InitParams gives the built-in
// configuration.
type InitParams struct {
	Cloud   string   // public, china or usgov; empty for public
	Region  string   // such as eastus; the list of what Azure Local needs there is then on
	Release string   // of Azure Local, such as 2506; empty for the newest
	Clients []string // groups: "nodes=10.0.1.0/24,10.0.2.10"; also several in one, with ";" between them
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

// Init returns the files of a new configuration: webproxy.yaml, an empty list of approved hosts, and the JSON Schema
// with which editors check the former. The notes are what the caller should know about the choice of lists, a
// sentence each.
func Init(p InitParams) (files []File, notes []string, err error) {
	text := string(defaultYAML)
	edit := func(old, new string) {
		if !strings.Contains(text, old) {
			panic("config: default.yaml has no " + old) // TestInit makes every edit
		}
		text = strings.ReplaceAll(text, old, new)
	}
	edit("# - { id: approved, file", "- { id: approved, file")
	if p.Region != "" && !lowerName(p.Region) {
		return nil, nil, fmt.Errorf("region %q: want a name such as eastus", p.Region)
	}
	if p.Cloud == "usgov" && p.Region == "" {
		p.Region = usgovRegion
		notes = append(notes, "Azure Local is offered in one region of this cloud, "+usgovRegion+": that is set.")
	}
	place := policy.Place{Cloud: p.Cloud, Region: p.Region}
	if errs := catalog.CheckPlace(place); len(errs) > 0 {
		return nil, nil, placeProblem(errs[0])
	}
	if p.Cloud != "" && p.Cloud != "public" {
		edit("  cloud: public\n", "  cloud: "+p.Cloud+"\n")
		edit("    allow: [{ from: default, to: \"https://login.microsoftonline.com\" }]\n", "") // of the public cloud
	}
	if p.Region != "" {
		edit("  # region: norwayeast\n", "  region: "+p.Region+"\n")
	}
	bundle, err := catalog.ForRelease(p.Release)
	if err != nil {
		return nil, nil, err
	}
	if p.Region != "" || p.Release != "" || p.Cloud == "china" {
		rules, note := listRules(place, bundle)
		before, rest, _ := strings.Cut(text, builtInRules)
		_, after, _ := strings.Cut(rest, ownRules)
		text = before + rules + ownRules + after
		notes = append(notes, note)
		if p.Release != "" && !strings.Contains(rules, bundle) {
			notes = append(notes, "The lists of Azure Arc are the same for every release: --release "+p.Release+" changes nothing here.")
		}
	}
	if len(p.Clients) > 0 {
		first, line, err := clientsLine(p.Clients)
		if err != nil {
			return nil, nil, err
		}
		edit("  # clients: { nodes: [10.0.1.0/24], wac: [10.0.2.10, 10.0.2.11] }\n", line)
		edit("{ from: default, ", "{ from: "+first+", ")
	}
	return []File{
		{"webproxy.yaml", []byte(text)},
		{"lists/approved.txt", []byte(approvedHeader)},
		{"webproxy.schema.json", Schema()},
	}, notes, nil
}

const (
	usgovRegion = "usgovvirginia"
	// The rules of the built-in lists are between these two lines of default.yaml.
	builtInRules = "    # The built-in lists: "
	ownRules     = "    # Hosts of your own, one to a line"
)

// listRules returns the rules for what Azure Local needs at place, as lines of YAML, and a note about them.
func listRules(place policy.Place, bundle string) (rules, note string) {
	where := place.Region
	if where == "" {
		where = "your region: set policy.region"
	}
	if place.Region != "" && place.Cloud != "china" && !catalog.OffersAzureLocal(place) {
		note = "Microsoft keeps no list of Azure Local for " + place.Region +
			": these are the lists of Azure Arc and of Windows. If there is a cluster, add azure-local and see what webproxy coverage says."
		return "    # " + note + `
    - { id: arc, list: arc@2026-07 }
    - { id: update, list: update@2026-11 }
    - { id: crl, list: crl@2026-11 }
    - { id: ocsp, list: ocsp@2026-11 }
`, note
	}
	what := "What a cluster of Azure Local needs in "
	if place.Cloud == "china" {
		what = "What Azure Stack HCI needs in "
		where = "China"
	}
	note = "The lists are " + bundle + " and update@2026-11; webproxy lists shows them, and optional ones."
	return "    # " + what + where + `.
    - { id: local, list: ` + bundle + ` }
    - { id: update, list: update@2026-11 }
    # Optional, where you have such a thing: azure-monitor-agent, avd, arc-data, defender, oem-dell and the
    # other vendors; remote-support, best bound to a phase; portal and wac for browsers of administrators.
`, note
}

// placeProblem is what is wrong with a region or cloud, as an error of the command.
func placeProblem(e *policy.SpecError) error {
	if e.Hint != "" {
		return fmt.Errorf("%s: %s (%s)", e.Field, e.Msg, e.Hint)
	}
	return fmt.Errorf("%s: %s", e.Field, e.Msg)
}

// clientsLine makes the clients setting from groups such as "nodes=10.0.1.0/24,10.0.2.10;wac=10.0.2.11", and returns the
// first group's name with it.
func clientsLine(groups []string) (first, line string, err error) {
	var settings, names []string
	for _, g := range strings.Split(strings.Join(groups, ";"), ";") {
		name, list, ok := strings.Cut(strings.TrimSpace(g), "=")
		if !ok || !lowerName(name) || name == "default" || slices.Contains(names, name) {
			return "", "", fmt.Errorf("clients %q: want a new name and its addresses, such as nodes=10.0.1.0/24,10.0.2.10", g)
		}
		names = append(names, name)
		var addrs []string
		for part := range strings.SplitSeq(list, ",") {
			part = strings.TrimSpace(part)
			if prefix, err := netip.ParsePrefix(part); err != nil {
				if _, err := netip.ParseAddr(part); err != nil {
					return "", "", fmt.Errorf("clients %q: %q is neither an address nor a prefix such as 10.0.1.0/24", g, part)
				}
			} else if prefix != prefix.Masked() {
				return "", "", fmt.Errorf("clients %q: %s has bits of a host: write %s for the network, or the address alone", g, part, prefix.Masked())
			}
			addrs = append(addrs, fmt.Sprintf("%q", part)) // an IPv6 address must be quoted in YAML
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
