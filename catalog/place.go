package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// at returns what l has for place. The name is how l was asked for; it stands in each Source.
func (l *List) at(name string, place policy.Place) (policy.List, error) {
	w, err := newWording(place)
	if err != nil {
		return policy.List{}, err
	}
	var out policy.List
	number := 0
	for i := range l.Documents {
		d := &l.Documents[i]
		c := d.columns(w)
		for j := range d.Endpoints {
			e := &d.Endpoints[j]
			number++
			source := fmt.Sprintf("catalog %s, entry %d", name, number)
			fit, reason := c.judge(e)
			if !fit {
				continue
			}
			host := e.Host
			if reason == "" {
				host, reason = w.fill(e.Host)
			}
			if reason != "" {
				out.Disabled = append(out.Disabled, policy.DisabledEntry{
					ID: e.ID, Source: source, Text: e.Raw, Reason: reason,
					Final: e.Disabled != "" && e.Cloud == place.Cloud,
				})
				continue
			}
			entries, err := e.entries(host, source)
			if err != nil {
				return policy.List{}, fmt.Errorf("%s: %w", e.ID, err)
			}
			out.Entries = append(out.Entries, entries...)
		}
	}
	return out, nil
}

// columns is what a document has for one cloud and region. Documents differ in that: some are a table
// with a column for each cloud, some a list for each region.
type columns struct {
	cloud, region string
	hasCloud      bool   // there is a line for cloud, be it only to say that there is none yet
	hasRegion     bool   // there is a line for region
	sample        string // the first region of cloud, whose lines stand for those of a region it lacks
}

func (d *Document) columns(w wording) columns {
	c := columns{cloud: w.cloud, region: w.region}
	for i := range d.Endpoints {
		e := &d.Endpoints[i]
		if e.Cloud != c.cloud {
			continue
		}
		c.hasCloud = true
		if len(e.Regions) > 0 && c.sample == "" {
			c.sample = e.Regions[0]
		}
		c.hasRegion = c.hasRegion || slices.Contains(e.Regions, c.region)
	}
	return c
}

// judge says whether e concerns the cloud and region at all, and if so, what keeps it from being a
// rule there; "" if nothing does.
func (c columns) judge(e *Endpoint) (fit bool, reason string) {
	if e.Cloud != c.cloud {
		// Public is the column that every table has. Another cloud that has none is told so line by
		// line: what is missing must be seen, and must not be made up for by the public host.
		return e.Cloud == publicCloud && !c.hasCloud,
			fmt.Sprintf("the source has no column for cloud %s (policy.cloud); this is the public one", c.cloud)
	}
	if e.Disabled != "" {
		return true, e.Disabled
	}
	if len(e.Regions) == 0 || slices.Contains(e.Regions, c.region) {
		return true, ""
	}
	if c.hasRegion || !slices.Contains(e.Regions, c.sample) {
		return false, ""
	}
	if c.region == "" {
		return true, fmt.Sprintf("differs by region, this is the one of %s: set policy.region", c.sample)
	}
	return true, fmt.Sprintf("the source has no line for region %s (policy.region), this is the one of %s", c.region, c.sample)
}

// entries makes the rules' entries of e, one for each scheme. Two, not one with both ports: a single
// entry without a scheme would admit CONNECT to port 80 as well.
func (e *Endpoint) entries(host, source string) ([]policy.Entry, error) {
	all := make([]policy.Entry, 0, len(e.Schemes))
	for i, scheme := range e.Schemes {
		line := scheme + "://" + host
		if !defaultPort(scheme, e.Ports[i]) {
			line += fmt.Sprintf(":%d", e.Ports[i])
		}
		entry, err := policy.ParseEntry(line + e.Path)
		if err != nil {
			return nil, err
		}
		entry.ID, entry.Tag, entry.Source = e.ID, strings.Join(e.Tags, ","), source
		if scheme == "http" && len(e.Schemes) > 1 {
			entry.ID += "-http"
		}
		all = append(all, entry)
	}
	return all, nil
}

func defaultPort(scheme string, port uint16) bool {
	return scheme == "http" && port == 80 || scheme == "https" && port == 443
}
