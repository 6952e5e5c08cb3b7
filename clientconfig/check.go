package clientconfig

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Kind is the program that reads a bypass list.
type Kind string

// The kinds of bypass lists. WinINet and WinHTTP have the same grammar, and so do the registration and the portal.
const (
	WinINet Kind = "wininet"
	WinHTTP Kind = "winhttp"
	Env     Kind = "env"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{WinINet, WinHTTP, Env} }

// MaxList bounds a bypass list that Check reads, in bytes. The limit of Windows is lower.
const MaxList = 64 << 10

// A Finding is one fault in a bypass list.
type Finding struct {
	ID    string `json:"id"`    // stable: one of Faults
	Start int    `json:"start"` // byte offsets into the list; both its end for a missing entry
	End   int    `json:"end"`
	Text  string `json:"text"` // the text there, or the missing entry
	Msg   string `json:"message"`
	Fix   string `json:"fix"`
	Note  bool   `json:"note"` // valid, but should be written differently
}

// A Checked is what Check found.
type Checked struct {
	Kind     Kind      `json:"kind"`
	List     string    `json:"list"`
	Right    string    `json:"right"` // the list without its faults
	Findings []Finding `json:"findings"`
}

// OK reports whether the list can be used as it is.
func (c *Checked) OK() bool {
	return !slices.ContainsFunc(c.Findings, func(f Finding) bool { return !f.Note })
}

// Check finds entries of a bypass list that its program would not understand, entries that bypass more than they seem to, and
// missing entries that the site needs. plan may be nil if the site is not known. A list longer than MaxList is a fault
// too.
func Check(kind Kind, list string, plan *Plan) Checked {
	if plan == nil {
		plan = &Plan{}
	}
	c := &checker{kind: kind, list: list, gateway: plan.site.Gateway != ""}
	if len(list) > MaxList {
		c.find(faultLong, 0, 0, fmt.Sprintf("%d bytes", len(list)), "", "")
		return Checked{Kind: kind, Findings: c.found}
	}
	var kept []string
	for _, item := range c.items() {
		for _, entry := range c.entry(item) {
			if slices.ContainsFunc(kept, func(k string) bool { return strings.EqualFold(k, entry) }) {
				c.find(faultTwice, item.start, item.end, entry, "", "")
				continue
			}
			kept = append(kept, entry)
		}
	}
	for _, want := range c.required(plan) {
		if !slices.ContainsFunc(kept, func(k string) bool { return c.has(k, want) }) {
			c.find(faultMissing, len(list), len(list), want, missingWhy(want), "add "+want)
			kept = append(kept, want)
		}
	}
	slices.SortStableFunc(c.found, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	return Checked{Kind: kind, List: list, Right: strings.Join(kept, ","), Findings: c.found}
}

// A checker collects the findings of one list.
type checker struct {
	kind    Kind
	list    string
	gateway bool
	noted   bool // a semicolon was reported
	found   []Finding
}

// find records a fault at list[start:end]. why is added to the fault's text; fix, if not empty, replaces its Fix.
func (c *checker) find(f Fault, start, end int, text, why, fix string) {
	msg := f.Says
	if why != "" {
		msg += ": " + why
	}
	c.found = append(c.found, Finding{ID: f.ID, Start: start, End: end, Text: text, Msg: msg, Fix: cmp.Or(fix, f.Fix), Note: f.Note})
}

func (c *checker) required(plan *Plan) []string {
	if c.kind == Env {
		return plan.NoProxy()
	}
	return plan.Bypass()
}

func (c *checker) covers(entry, item string) bool {
	if c.kind == Env {
		return coversEnv(entry, item)
	}
	return coversWindows(entry, item)
}

// has reports whether entry satisfies want. For the entries that every NO_PROXY must have, Microsoft's checker wants them literally.
func (c *checker) has(entry, want string) bool {
	if c.kind == Env && slices.Contains(envAlways, want) {
		return strings.EqualFold(entry, want)
	}
	return c.covers(entry, want)
}

func missingWhy(want string) string {
	switch {
	case slices.Contains(windowsAlways, want):
		return want + ": without it the machine asks the proxy for itself"
	case slices.Contains(envAlways, want):
		return want + ": clusters need it"
	}
	return want
}

// An item is a run of characters between two separators.
type item struct {
	start, end int
	text       string
}

// items splits the list at any separator that people use, and records wrong separators as faults.
func (c *checker) items() []item {
	var items []item
	at := 0 // where the gap begins
	for at < len(c.list) {
		start := at + gapLength(c.list[at:])
		end := start + itemLength(c.list[start:])
		c.gap(at, start, at == 0, start == len(c.list))
		if start < end {
			items = append(items, item{start, end, c.list[start:end]})
		}
		at = end
	}
	return items
}

func between(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }

func gapLength(s string) int {
	for i, r := range s {
		if !between(r) {
			return i
		}
	}
	return len(s)
}

func itemLength(s string) int {
	for i, r := range s {
		if between(r) {
			return i
		}
	}
	return len(s)
}

// gap checks list[start:end], which contains only separators and space.
func (c *checker) gap(start, end int, first, last bool) {
	gap := c.list[start:end]
	if gap == "" {
		return
	}
	if i := strings.IndexFunc(gap, unicode.IsSpace); i >= 0 {
		j := strings.LastIndexFunc(gap, unicode.IsSpace)
		_, size := utf8.DecodeRuneInString(gap[j:])
		c.find(faultSpace, start+i, start+j+size, gap[i:j+size], "", "")
	}
	n := strings.Count(gap, ",") + strings.Count(gap, ";")
	i, j := strings.IndexAny(gap, ",;"), strings.LastIndexAny(gap, ",;")
	switch {
	case n == 0:
		return
	case n > 1 || first || last:
		c.find(faultEmpty, start+i, start+j+1, gap[i:j+1], "", "")
	}
	if i := strings.Index(gap, ";"); i >= 0 {
		switch {
		case c.kind == Env:
			c.find(faultSemicolon, start+i, start+i+1, ";", "", "")
		case c.gateway:
			c.find(faultSemicolonGateway, start+i, start+i+1, ";", "", "")
		case !c.noted: // reported once
			c.noted = true
			c.find(faultSemicolonNote, start+i, start+i+1, ";", "", "")
		}
	}
}

// entry checks one entry and returns its correction: nothing, itself, or what was probably meant.
func (c *checker) entry(it item) []string {
	text := it.text
	fault := func(f Fault, why, fix string) { c.find(f, it.start, it.end, it.text, why, fix) }
	if bare := strings.Trim(text, quotes); bare != text {
		fault(faultQuote, "", "")
		if text = bare; text == "" {
			return nil
		}
	}
	if strings.ContainsAny(text, "<>") {
		fault(faultLocal, "", "")
		return nil
	}
	if i := strings.Index(text, "://"); i >= 0 {
		host, _, _ := strings.Cut(text[i+3:], "/")
		fault(faultScheme, "", "write "+host)
		text = host
	}
	if host, port, ok := strings.Cut(text, ":"); ok && strings.Trim(port, "0123456789") == "" {
		fault(faultPort, "", "write "+host)
		text = host
	}
	if text == "" {
		return nil
	}
	if strings.Trim(text, "*.") == "" {
		fault(faultStar, "", "")
		return nil
	}
	if p, ok := prefixOf(text); ok {
		return c.prefix(it, text, p)
	}
	return c.name(it, text)
}

// quotes are the characters that programs put around text.
const quotes = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"

// prefixOf reads an entry of addresses, in either grammar.
func prefixOf(text string) (netip.Prefix, bool) {
	if p, ok := starPrefix(text); ok {
		return p, true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// prefix checks an entry of addresses.
func (c *checker) prefix(it item, text string, p netip.Prefix) []string {
	fault := func(f Fault, why, fix string) { c.find(f, it.start, it.end, it.text, why, fix) }
	if p.Bits() == 0 {
		fault(faultStar, "", "")
		return nil
	}
	if c.kind == Env {
		switch {
		case strings.Contains(text, "*"):
			fault(faultWildcardEnv, "", "write "+p.String())
			return []string{p.String()}
		case p != p.Masked():
			fault(faultHostBits, "", "write "+p.Masked().String())
			return []string{p.Masked().String()}
		}
		return []string{text}
	}
	if !strings.Contains(text, "/") {
		return []string{text}
	}
	if !p.Addr().Is4() {
		fault(faultCIDR, "there is no form for IPv6", "leave it out")
		return nil
	}
	stars, err := wildcards(p.Masked())
	if err != nil {
		fault(faultCIDR, err.Error(), subnetHint(p.Masked()))
		return nil
	}
	fault(faultCIDR, "", "write "+strings.Join(stars, ","))
	return stars
}

// name checks an entry of names.
func (c *checker) name(it item, text string) []string {
	fault := func(f Fault, why, fix string) { c.find(f, it.start, it.end, it.text, why, fix) }
	bare := strings.TrimLeft(text, "*.")
	wide := bare != text
	if _, err := hostName(bare); err != nil {
		if strings.Contains(bare, "*") {
			fault(faultStarInside, "", "")
		} else {
			fault(faultHost, err.Error(), "")
		}
		return nil
	}
	switch {
	case IsArcName(text):
		fault(faultArc, "", "")
		return nil
	case wide && strings.EqualFold(bare, "azurecr.io"):
		fault(faultACR, "", "")
		return nil
	case c.kind != Env && inCluster(text):
		fault(faultSvc, "", "")
		return nil
	case !wide:
		return []string{text}
	case c.kind == Env:
		if text != "."+bare {
			fault(faultWildcardEnv, "", "write ."+bare)
		}
		return []string{"." + bare}
	case text == "*."+bare:
		return []string{text}
	case strings.HasPrefix(text, "."):
		fault(faultDot, "", "write *."+bare)
	default:
		fault(faultStarInside, "", "write *."+bare)
	}
	return []string{"*." + bare}
}

// inCluster reports whether an entry is for names inside of clusters.
func inCluster(text string) bool {
	name := strings.ToLower(strings.TrimLeft(text, "*."))
	return name == "svc" || name == "svc.cluster.local" || name == "kubernetes.default.svc"
}
