package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"webproxy/internal/wording"
)

// A Delivery is what a site has delivered of the records of a search, whatever its expression.
type Delivery struct {
	Site string `json:"site"`
	// Last is the time of the last that it delivered, record or checkpoint, Seq the greatest number of a record.
	Last time.Time `json:"last"`
	Seq  uint64    `json:"seq"`
	// Missing is how many numbers are not there, between the first and the last of its records within the time of the search.
	Missing uint64 `json:"missing"`
	// Silent is how long it has delivered nothing, up to now or to the end of the time of the search. It is 0 below silentAfter.
	Silent time.Duration `json:"-"`
}

const (
	// silentAfter is how long a site may deliver nothing before that is told.
	silentAfter = 15 * time.Minute
	// knownBefore is how long before the time of a search a site may have delivered its last record, and is still known.
	knownBefore = 30 * 24 * time.Hour
)

// Deliveries are those of the sites of s, by name: of all that delivered something in the time of s, or in the 30 days before. A number that is
// there twice can hide one that is missing; Verify finds both.
func (c *Client) Deliveries(ctx context.Context, s Search, now time.Time) ([]*Delivery, error) {
	within := slice{to: now.Add(48 * time.Hour)}
	if within.from = s.whole().from; !s.Since.IsZero() {
		within.from = s.Since.Add(-knownBefore)
	}
	found := map[string]*Delivery{}
	sites := s.sitesFilter()
	err := c.eachSite(ctx, within.within()+` "webproxy.type":*`+sites, s.Sites, func(name string, last time.Time, seq string) error {
		if len(found) == maxSites {
			return fmt.Errorf("more than %d sites", maxSites)
		}
		d := &Delivery{Site: name, Last: last}
		d.Seq, _ = exactNumber(seq)
		found[name] = d
		return nil
	})
	if err != nil {
		return nil, err
	}
	end := now
	if !s.Until.IsZero() && s.Until.Before(now) {
		end = s.Until
	}
	for _, d := range found {
		if silent := end.Sub(d.Last); silent >= silentAfter {
			d.Silent = silent
		}
	}
	if err := c.missing(ctx, &s, sites, found); err != nil {
		return nil, err
	}
	all := make([]*Delivery, 0, len(found))
	for _, d := range found {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *Delivery) int { return cmp.Compare(a.Site, b.Site) })
	return all, nil
}

// missing counts the numbers that are not there.
func (c *Client) missing(ctx context.Context, s *Search, sites string, found map[string]*Delivery) error {
	const records = `"webproxy.type":* !"webproxy.type":="checkpoint"`
	var doubtful []overlap
	err := c.rows(ctx, s.whole().within()+" "+records+sites+` | stats by ("webproxy.site") count() n, min("webproxy.seq") first, max("webproxy.seq") last`, func(row map[string]string) error {
		n, ok := exactNumber(row["n"])
		first, okFirst := exactNumber(row["first"])
		last, okLast := exactNumber(row["last"])
		if name := row["webproxy.site"]; found[name] != nil && ok && okFirst && okLast && first <= last && n != last-first+1 {
			found[name].Missing = last - first + 1
			doubtful = append(doubtful, pieces(overlap{name, numbers{first: first, last: last}}, cmp.Or(c.countSlice, countSlice))...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A number between these can be of a record just before or after the time of the search.
	for len(doubtful) > 0 {
		terms, used := overlapTerms(doubtful, cmp.Or(c.countSlice, countSlice))
		doubtful = doubtful[used:]
		err := c.rows(ctx, records+" ("+strings.Join(terms, " or ")+`) | stats by ("webproxy.site") count_uniq("webproxy.seq") n`, func(row map[string]string) error {
			n, _ := exactNumber(row["n"])
			if d := found[row["webproxy.site"]]; d != nil {
				d.Missing -= min(n, d.Missing)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pieces divides o into parts of at most so many numbers: VictoriaLogs holds those that are there in memory. A range of very many parts, such as
// a forged number makes, stays one.
func pieces(o overlap, most uint64) (all []overlap) {
	const limit = 1000
	if (o.last-o.first)/most >= limit {
		return []overlap{o}
	}
	for ; o.last-o.first >= most; o.first += most {
		part := o
		part.last = o.first + most - 1
		all = append(all, part)
	}
	return append(all, o)
}

// DeliveryWarnings say which sites may have records that are not delivered yet; empty if none has.
func DeliveryWarnings(all []*Delivery) []string {
	var silent, missing []string
	for _, d := range all {
		if d.Silent > 0 {
			silent = append(silent, fmt.Sprintf("%s for %s, up to number %d", d.Site, Age(d.Silent), d.Seq))
		}
		if d.Missing > 0 {
			missing = append(missing, fmt.Sprintf("%s of %s", wording.Amount(d.Missing, "number"), d.Site))
		}
	}
	var texts []string
	if len(silent) > 0 {
		texts = append(texts, fmt.Sprintf("%s of %d delivered nothing of late, and may have more records: %s; webproxy fleet status says more", wording.Plural(len(silent), "site"), len(all), someOf(silent)))
	}
	if len(missing) > 0 {
		texts = append(texts, fmt.Sprintf("records are not there, or not yet: %s; webproxy fleet verify --site says which", someOf(missing)))
	}
	return texts
}
