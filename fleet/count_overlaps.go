package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// An overlap is numbers that a site may have in several slices.
type overlap struct {
	site string
	numbers
}

// overlaps looks whether a number of a site is in several slices.
func (n *count) overlaps(ctx context.Context) error {
	var all []overlap
	most := cmp.Or(n.c.countSlice, countSlice)
	for name, site := range n.sites {
		if site.lines {
			continue
		}
		some := overlapping(name, site.spans)
		if slices.ContainsFunc(some, func(o overlap) bool { return o.last-o.first >= most }) {
			site.lines = true // more than VictoriaLogs is asked to hold
			continue
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b overlap) int {
		return cmp.Or(a.within.from.Compare(b.within.from), a.within.to.Compare(b.within.to), cmp.Compare(a.site, b.site), cmp.Compare(a.first, b.first))
	})
	for len(all) > 0 {
		same := 0 // those of one time are asked for together
		for same < len(all) && all[same].within.from == all[0].within.from {
			same++
		}
		terms, used := overlapTerms(all[:same], most)
		within := all[0].within
		asked := all[:used]
		for _, o := range asked {
			if o.within.to.After(within.to) {
				within.to = o.within.to
			}
		}
		all = all[used:]
		answered := map[string]bool{}
		err := n.c.rows(ctx, n.within(within)+" "+n.filter+" ("+strings.Join(terms, " or ")+")"+distinctStats, func(row map[string]string) error {
			answered[row["webproxy.site"]] = row["n"] == row["distinct"]
			return nil
		})
		if err != nil {
			return err
		}
		for _, o := range asked { // each has records there
			if !answered[o.site] {
				n.sites[o.site].lines = true
			}
		}
	}
	return nil
}

// overlapTerms are filters for the first of all, as many as fit into one question, of at most so many numbers unless the first has more.
func overlapTerms(all []overlap, most uint64) (terms []string, used int) {
	size, total := 0, uint64(0)
	for _, o := range all {
		if total += o.last - o.first + 1; used > 0 && total > most {
			break
		}
		term := fmt.Sprintf(`("webproxy.site":=%s "webproxy.seq":>=%d "webproxy.seq":<=%d)`, quoted(o.site), o.first, o.last)
		if size += len(term); used > 0 && size > overlapFilter {
			break
		}
		terms = append(terms, term)
		used++
	}
	return terms, used
}

// overlapping are the numbers that are within several of spans, with the time of these.
func overlapping(site string, spans []numbers) (all []overlap) {
	slices.SortFunc(spans, func(a, b numbers) int { return cmp.Compare(a.first, b.first) })
	last := uint64(0)
	for i, s := range spans {
		if i > 0 && s.first <= last {
			all = append(all, overlap{site, numbers{s.first, min(s.last, last), slice{}}})
		}
		last = max(last, s.last)
	}
	for i := range all {
		o := &all[i]
		for _, s := range spans {
			if s.last < o.first || s.first > o.last {
				continue
			}
			if o.within.from.IsZero() || s.within.from.Before(o.within.from) {
				o.within.from = s.within.from
			}
			if s.within.to.After(o.within.to) {
				o.within.to = s.within.to
			}
		}
	}
	return all
}
