package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/policy"
)

// A Line is one endpoint of a list for a place: its entries for rules, or why it has none.
type Line struct {
	List     *List
	Document *Document
	Endpoint *Endpoint
	// Number is the endpoint's position in the list, from 1, as in the Source of its entries.
	Number   int
	Entries  []policy.Entry
	Disabled *policy.DisabledEntry // nil if there are Entries
	// Absent is set if the source has no line for the cloud or region; Disabled then shows that of another one.
	Absent bool
}

// Lines returns the endpoints of a list or bundle for place, in the order of its file, without those of other clouds and
// regions. The errors are those of Get. The caller owns the result, but not the List, Document and Endpoint that each Line
// points to.
func Lines(name string, place policy.Place) ([]Line, error) {
	w, errs := resolvePlace(place)
	if err := placeError(errs); err != nil {
		return nil, fmt.Errorf("catalog list %s: %w", name, err)
	}
	f, err := find(name)
	if err != nil {
		return nil, err
	}
	var lines []Line
	if f.bundle {
		lines, err = bundleLines(f, w)
	} else {
		lines, err = listLines(f, name, w)
	}
	if err != nil {
		return nil, fmt.Errorf("catalog list %s: %w", name, err)
	}
	return lines, nil
}

func listLines(f file, name string, w resolvedPlace) ([]Line, error) {
	if f.bundle {
		return nil, fmt.Errorf("%q is a bundle: bundles are made of lists", name)
	}
	l, err := f.list()
	if err != nil {
		return nil, err
	}
	return l.lines(name, w)
}

// lines returns the lines of l for w. name, as the caller of Lines gave it, becomes part of each Source.
func (l *List) lines(name string, w resolvedPlace) ([]Line, error) {
	var all []Line
	number := 0
	for i := range l.Documents {
		d := &l.Documents[i]
		c := d.columns(w)
		for j := range d.Endpoints {
			e := &d.Endpoints[j]
			number++
			line := Line{List: l, Document: d, Endpoint: e, Number: number}
			fit, err := line.fill(name, c, w)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.ID, err)
			}
			if fit {
				all = append(all, line)
			}
		}
	}
	return all, nil
}

// fill sets the entries of the line's endpoint, or Disabled. It reports false if the endpoint is for another place.
func (l *Line) fill(name string, c columns, w resolvedPlace) (bool, error) {
	e := l.Endpoint
	source := fmt.Sprintf("catalog %s, entry %d", name, l.Number)
	fit, absent, reason := c.evaluate(e)
	if !fit {
		return false, nil
	}
	l.Absent = absent
	host, final := e.Host, e.Disabled != "" && !absent
	if reason == "" {
		host, reason, final = w.fill(e.Host)
	}
	if reason != "" {
		l.Disabled = &policy.DisabledEntry{ID: e.ID, Source: source, Text: e.Raw, Reason: reason, Final: final}
		return true, nil
	}
	var err error
	l.Entries, err = e.entries(host, source)
	return true, err
}

// columns says what a document has for one cloud and region. Some documents are a table with a column for each cloud, some a
// list for each region.
type columns struct {
	cloud, region string
	hasCloud      bool   // the source has a line for cloud, perhaps a disabled one
	hasRegion     bool   // the source has lines for region, here or in another list
	sample        string // the first region of cloud, whose lines are shown for a region that the source lacks
}

func (d *Document) columns(w resolvedPlace) columns {
	c := columns{cloud: w.cloud, region: w.region, hasRegion: slices.Contains(d.Regions, w.region)}
	for i := range d.Endpoints {
		e := &d.Endpoints[i]
		if !e.HoldsIn(c.cloud) {
			continue
		}
		c.hasCloud = true
		if len(e.Regions) > 0 && c.sample == "" {
			c.sample = e.Regions[0]
		}
	}
	return c
}

// evaluate reports whether e is for the cloud and region (fit), and if so, why it cannot be a rule there, "" if it can. absent
// is set if the source has no line for the cloud or region.
func (c columns) evaluate(e *Endpoint) (fit, absent bool, reason string) {
	if !e.HoldsIn(c.cloud) {
		// Every table has a column for the public cloud. For a cloud without a column each line is shown as missing, and not
		// replaced by the public host.
		return e.Cloud == publicCloud && !c.hasCloud, true,
			fmt.Sprintf("the source has no column for cloud %s (policy.cloud); this is the public one", c.cloud)
	}
	elsewhere := len(e.Regions) > 0 && !slices.Contains(e.Regions, c.region)
	switch {
	case elsewhere && (c.hasRegion || !slices.Contains(e.Regions, c.sample)):
		return false, false, ""
	case e.Disabled != "":
		return true, false, e.Disabled
	case !elsewhere:
		return true, false, ""
	case c.region == "":
		return true, true, fmt.Sprintf("differs by region, this is the one of %s: set policy.region", c.sample)
	}
	return true, true, fmt.Sprintf("the source has no line for region %s (policy.region), this is the one of %s", c.region, c.sample)
}

// entries makes the entries of e, one for each scheme: a single entry with both ports and no scheme would admit CONNECT to port
// 80 as well.
func (e *Endpoint) entries(host, source string) ([]policy.Entry, error) {
	all := make([]policy.Entry, 0, len(e.Schemes))
	for i, form := range e.forms(host) {
		entry, err := policy.ParseEntry(form)
		if err != nil {
			return nil, err
		}
		entry.ID, entry.Tag, entry.Source = e.ID, strings.Join(e.Tags, ","), source
		if e.Schemes[i] == "http" && len(e.Schemes) > 1 {
			entry.ID += "-http"
		}
		all = append(all, entry)
	}
	return all, nil
}

// forms returns the endpoint with host as list entries have it, one for each scheme: "https://host:8084/path".
func (e *Endpoint) forms(host string) []string {
	all := make([]string, len(e.Schemes))
	for i, scheme := range e.Schemes {
		all[i] = scheme + "://" + host
		if !defaultPort(scheme, e.Ports[i]) {
			all[i] += fmt.Sprintf(":%d", e.Ports[i])
		}
		all[i] += e.Path
	}
	return all
}

// Forms returns the endpoint with its placeholders, once for each scheme: "https://{keyvault}.vault.azure.net".
func (e *Endpoint) Forms() []string { return e.forms(e.Host) }

func defaultPort(scheme string, port uint16) bool {
	return scheme == "http" && port == 80 || scheme == "https" && port == 443
}
