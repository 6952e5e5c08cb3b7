package catalog

import (
	"strings"
	"sync"

	"webproxy/policy"
)

// Covering returns the endpoints of all lists, generations, clouds and regions whose host pattern matches host, which must be in
// normal form (see policy.ParsePattern). A placeholder stands for any single label. The Lines have neither Entries nor Disabled,
// as these depend on the place.
func Covering(host string) ([]Line, error) {
	lists, err := All()
	if err != nil {
		return nil, err
	}
	var found []Line
	for _, l := range lists {
		number := 0
		for i := range l.Documents {
			d := &l.Documents[i]
			for j := range d.Endpoints {
				number++
				if e := &d.Endpoints[j]; e.covers(host) {
					found = append(found, Line{List: l, Document: d, Endpoint: e, Number: number})
				}
			}
		}
	}
	return found, nil
}

// HasHost reports whether an endpoint of any list has exactly this host, a name or a pattern.
func HasHost(host string) bool { return hostsListed()[host] }

// hostsListed returns the hosts of all lists, as their files have them.
var hostsListed = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	lists, err := All()
	if err != nil {
		return all // the tests of this package find out
	}
	for _, l := range lists {
		for i := range l.Documents {
			for j := range l.Documents[i].Endpoints {
				all[l.Documents[i].Endpoints[j].Host] = true
			}
		}
	}
	return all
})

// covers reports whether e's host matches host, with any label in place of its placeholders.
func (e *Endpoint) covers(host string) bool {
	pattern := e.Host
	for {
		before, rest, ok := strings.Cut(pattern, "{")
		if !ok {
			break
		}
		_, after, _ := strings.Cut(rest, "}")
		pattern = before + "*" + after
	}
	p, err := policy.ParsePattern(pattern)
	if err != nil || !p.Matches(host) {
		return false // a line without a host covers nothing
	}
	// A star at the beginning matches any number of labels, a placeholder only one.
	return !strings.HasPrefix(e.Host, "{") || strings.Count(host, ".") == strings.Count(e.Host, ".")
}
