package main

import (
	"fmt"
	"path"
	"strings"

	"webproxy/catalog"
)

// An idSpace assigns ids to the endpoints of one list in all generations. The same endpoint gets the same id in each; a new one
// never gets the id of an older one.
type idSpace struct {
	hosts map[string]string // host and path -> the stem of its ids
	stems map[string]bool   // stems in use
	ids   map[string]string // a whole endpoint -> its id
	used  map[string]bool   // ids in use, the "-http" ones too
}

func newIDSpace() *idSpace {
	return &idSpace{hosts: map[string]string{}, stems: map[string]bool{}, ids: map[string]string{}, used: map[string]bool{}}
}

// name sets the ids of one generation. Generations are named oldest first.
func (s *idSpace) name(l *catalog.List) {
	// Exact names first: of "x" and "*.x", "x" gets the short id.
	for _, wild := range []bool{false, true} {
		each(l, func(e *catalog.Endpoint) {
			if strings.HasPrefix(e.Host, "*.") == wild {
				s.stem(e)
			}
		})
	}
	times := map[string]int{}
	each(l, func(e *catalog.Endpoint) {
		key := strings.Join([]string{e.Host, e.Path, column(e), strings.Join(e.Regions, "+"), strings.Join(e.Schemes, "+")}, " ")
		times[key]++
		key = fmt.Sprintf("%s #%d", key, times[key]) // two documents may name the same endpoint
		if s.ids[key] == "" {
			s.ids[key] = s.free(e)
		}
		e.ID = s.ids[key]
	})
}

// column is the cloud of e for its id: an endpoint of every cloud counts as one of the public cloud, as in older generations.
func column(e *catalog.Endpoint) string {
	if e.Cloud == catalog.AnyCloud {
		return "public"
	}
	return e.Cloud
}

func each(l *catalog.List, f func(*catalog.Endpoint)) {
	for i := range l.Documents {
		for j := range l.Documents[i].Endpoints {
			f(&l.Documents[i].Endpoints[j])
		}
	}
}

// free returns an unused id for e and marks it as used.
func (s *idSpace) free(e *catalog.Endpoint) string {
	stem := s.stem(e)
	candidates := []string{stem}
	if c := column(e); c != "public" {
		candidates = append(candidates, stem+"-"+c)
	}
	if len(e.Regions) == 1 {
		candidates = append(candidates, stem+"-"+e.Regions[0])
	}
	for n := 2; n < 100; n++ {
		candidates = append(candidates, fmt.Sprintf("%s-%d", stem, n))
	}
	for _, c := range candidates {
		ids := []string{c}
		switch {
		case len(e.Schemes) > 1:
			ids = append(ids, c+"-http")
		case e.Schemes[0] == "http":
			ids = []string{c + "-http"}
		}
		if s.take(ids) {
			return ids[0]
		}
	}
	panic("gen: a hundred endpoints of one kind: " + stem)
}

func (s *idSpace) take(ids []string) bool {
	for _, id := range ids {
		if s.used[id] {
			return false
		}
	}
	for _, id := range ids {
		s.used[id] = true
	}
	return true
}

// stem returns the part of the id that stands for host and path.
func (s *idSpace) stem(e *catalog.Endpoint) string {
	key := e.Host + e.Path
	if stem := s.hosts[key]; stem != "" {
		return stem
	}
	short, longer, whole := slugs(e)
	candidates := []string{short, longer, whole}
	if strings.HasPrefix(e.Host, "*.") {
		candidates = []string{short, short + "-sub", longer, longer + "-sub", whole, whole + "-sub"}
	}
	for n := 2; ; n++ {
		for _, c := range candidates {
			if !s.stems[c] {
				s.stems[c], s.hosts[key] = true, c
				return c
			}
		}
		candidates = append(candidates, fmt.Sprintf("%s-%d", whole, n))
	}
}

// slugs returns names for e's host and path: without its domain ("eus-his" of eus.his.arc.azure.com), with the domain's name
// ("eus-his-arc-azure"), and whole.
func slugs(e *catalog.Endpoint) (short, longer, whole string) {
	if e.Host == "" {
		return "unnamed", "unnamed", "unnamed"
	}
	if e.Host == "*" {
		s := fmt.Sprintf("%s-%d", e.Schemes[0], e.Ports[0])
		return s, s, s
	}
	host := strings.NewReplacer("{", "", "}", "", "*", "").Replace(e.Host)
	labels := strings.Split(strings.Trim(host, "."), ".")
	for i, l := range labels {
		labels[i] = strings.Trim(abbreviation(l), "-")
	}
	n := len(labels)
	if n > 2 && labels[0] == "www" {
		labels, n = labels[1:], n-1
	}
	sub := labels[:max(n-2, 1)]
	for len(sub) > 1 && (sub[len(sub)-1] == "arc" || sub[len(sub)-1] == "core") {
		sub = sub[:len(sub)-1]
	}
	join := func(ls []string) string { return strings.Join(ls, "-") + pathSlug(e.Path) }
	if n == 2 || sub[0] == "region" && len(sub) == 1 {
		return join(labels), join(labels), join(labels)
	}
	return join(sub), join(labels[:n-1]), join(labels)
}

func abbreviation(label string) string {
	if label == "guestnotificationservice" {
		return "gns" // as Microsoft's own tools call it
	}
	return label
}

// pathSlug is the longest element of a path, which describes it best.
func pathSlug(p string) string {
	p, _, _ = strings.Cut(p, "?")
	longest := ""
	for element := range strings.SplitSeq(p, "/") {
		element = strings.Trim(strings.TrimSuffix(element, path.Ext(element)), "*_")
		if len(element) > len(longest) {
			longest = element
		}
	}
	if longest == "" {
		return ""
	}
	return "-" + strings.ToLower(strings.ReplaceAll(longest, "_", "-"))
}
