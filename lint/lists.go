package lint

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"webproxy/catalog"
	"webproxy/policy"
)

// lists finds endpoints of built-in lists that are not in force because a setting is missing, or because the list has none for
// this cloud or region. One finding names all endpoints of a rule with the same cause.
func (l *linter) lists() {
	place := policy.Place{Cloud: l.Spec.Cloud, Region: l.Spec.Region, Names: l.Spec.Names}
	for i := range l.Spec.Rules {
		rule := &l.Spec.Rules[i]
		if rule.List == "" {
			continue
		}
		lines, err := catalog.Lines(rule.List, place)
		if err != nil {
			continue // the policy would not have compiled
		}
		var causes []cause
		for j := range lines {
			if d := lines[j].Disabled; d != nil && !d.Final {
				causes = appendCause(causes, causeOf(&lines[j], place), d.Text)
			}
		}
		for _, c := range causes {
			r := policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].list", i)}
			l.add(c.code, Warning, &r, rule.List+" "+c.about, c.reason(rule.List), c.fix)
		}
		l.generation(i)
		l.age(i)
	}
}

// generation notes that there is a newer generation of rule i's list. The older one may be on purpose.
func (l *linter) generation(i int) {
	rule := &l.Spec.Rules[i]
	info, err := catalog.Info(rule.List)
	if err != nil {
		return // the policy would not have compiled
	}
	name, newest := info.Name+"@"+info.Generation, info.Generations[len(info.Generations)-1]
	if newest == info.Generation {
		return
	}
	r := policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].list", i)}
	l.add(OldGeneration, Note, &r, rule.List, fmt.Sprintf("%s says what Microsoft's documents did in %s; there is one of %s", name, info.Generation, newest),
		fmt.Sprintf("webproxy lists diff %s %s@%s shows what would change", name, info.Name, newest))
}

// age warns that rule i's list is old: Microsoft's documents have changed since.
func (l *linter) age(i int) {
	rule := &l.Spec.Rules[i]
	asOf, err := catalog.AsOf(rule.List)
	if err != nil || l.Now.Sub(asOf) < catalog.Old {
		return
	}
	r := policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].list", i)}
	l.add(ListAge, Warning, &r, rule.List, fmt.Sprintf("%s says what Microsoft's documents did %d months ago; they change about twenty times a year",
		rule.List, int(l.Now.Sub(asOf).Hours()/24/30.44)),
		"take a newer generation (webproxy lists) or a newer webproxy, or compare it with a document of today: webproxy lists diff "+rule.List+" FILE, where FILE is the saved page")
}

// A cause is why endpoints of a list are not in force.
type cause struct {
	code      Code
	about     string // a setting
	fix       string
	endpoints []string
}

func causeOf(line *catalog.Line, place policy.Place) cause {
	e := line.Endpoint
	switch _, rest, blank := strings.Cut(e.Host, "{"); {
	case !e.HoldsIn(place.Cloud):
		return cause{code: NotInForce, about: "policy.cloud " + place.Cloud,
			fix: "add the hosts of this cloud to a list file, where there are any"}
	case len(e.Regions) > 0 && place.Region != "" && !slices.Contains(e.Regions, place.Region):
		return cause{code: NotInForce, about: "policy.region " + place.Region,
			fix: "add the hosts of this region to a list file; webproxy lists show tells the pattern"}
	case blank && !strings.HasPrefix(rest, "region}"):
		name, _, _ := strings.Cut(rest, "}")
		return cause{code: UnfilledPlaceholder, about: "policy.names." + name,
			fix: fmt.Sprintf("set policy.names.%s: %s; or none, if there is none", name, catalog.PlaceholderMeaning(name))}
	}
	return cause{code: UnfilledPlaceholder, about: "policy.region", fix: "set policy.region"}
}

func appendCause(causes []cause, c cause, endpoint string) []cause {
	i := slices.IndexFunc(causes, func(o cause) bool { return o.about == c.about })
	if i < 0 {
		causes, i = append(causes, c), len(causes)
	}
	causes[i].endpoints = append(causes[i].endpoints, endpoint)
	return causes
}

func (c *cause) reason(list string) string {
	what := fmt.Sprintf("%d endpoints of %s are", len(c.endpoints), list)
	if len(c.endpoints) == 1 {
		what = fmt.Sprintf("%q of %s is", c.endpoints[0], list)
	}
	if c.code == UnfilledPlaceholder {
		return fmt.Sprintf("%s not in force: %s is not set", what, c.about)
	}
	return fmt.Sprintf("%s not in force: the list has none for %s", what, c.about)
}

//go:embed servicetags.txt
var tagText string

// tagNames returns the names of all service tags, in lower case, without regions.
var tagNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(tagText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			names[strings.ToLower(line)] = true
		}
	}
	return names
})

// knownTag reports whether a service tag exists; "Storage.WestEurope" does if "Storage" does.
func knownTag(tag string) bool {
	name, _, _ := strings.Cut(strings.ToLower(tag), ".")
	return tagNames()[name]
}

// serviceTags finds service tags that do not exist where nothing else would notice: an entry's tag is only information, and a
// rule may say not to check.
func (l *linter) serviceTags() {
	for i := range l.Spec.Rules {
		rule := &l.Spec.Rules[i]
		if rule.ServiceTag == nil {
			continue
		}
		name := rule.ServiceTag.Name
		info := &policy.RuleInfo{Rule: rule.ID, Field: fmt.Sprintf("rules[%d].service_tag", i), Source: rule.Source}
		if !knownTag(name) {
			l.unknownTag(info, name)
		}
		if whole, _, regional := strings.Cut(name, "."); regional && strings.EqualFold(whole, "AzureArcInfrastructure") {
			// servers/includes/network-requirements.md of azure-management-docs, 2026-04-01
			l.add(RegionalServiceTag, Warning, info, name, "Microsoft asks for the whole tag: some of its addresses are in no region's", "name "+whole)
		}
	}
	l.eachLine(func(file string, rule *policy.RuleSpec, field string, number int, line string) {
		if !strings.Contains(line, "tag=") {
			return
		}
		e, err := policy.ParseEntry(line)
		if err != nil || e.Tag == "" {
			return
		}
		for tag := range strings.SplitSeq(e.Tag, ",") {
			if !knownTag(tag) {
				l.unknownTag(&policy.RuleInfo{Rule: rule.ID, Field: field, Source: fmt.Sprintf("%s:%d", file, number)}, tag)
			}
		}
	})
}

func (l *linter) unknownTag(r *policy.RuleInfo, tag string) {
	l.add(UnknownServiceTag, Warning, r, tag, fmt.Sprintf("there is no service tag %q in any cloud", tag),
		"see Microsoft's service tag files for the names")
	f := &l.found[len(l.found)-1]
	l.column(f, tag)
}

// eachLine calls f with every line of every list file that the policy names.
func (l *linter) eachLine(f func(file string, rule *policy.RuleSpec, field string, number int, line string)) {
	seen := map[string]bool{}
	for i := range l.Spec.Rules {
		rule := &l.Spec.Rules[i]
		if rule.File == "" || seen[rule.File] {
			continue
		}
		seen[rule.File] = true
		for n, line := range l.lines(rule.File) {
			f(rule.File, rule, fmt.Sprintf("rules[%d].file", i), n+1, line)
		}
	}
}
