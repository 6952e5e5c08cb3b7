package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"webproxy/audit"
)

// Counting is left to VictoriaLogs where there is much to count. It groups records by all fields that the expression and the
// grouping name, and the expression is evaluated here, once for each group: what LogsQL makes of it does not matter. Each number
// must count once, and VictoriaLogs counts what is there, so every site's numbers are shown to be distinct first:
//
//   - in a slice of time, count() and count_uniq() of the site's numbers are equal;
//   - between slices, their ranges of numbers do not overlap, or where they do the numbers are distinct too.
//
// Where that does not hold, be it a record that was delivered twice or one that was altered, the lines of that site are read
// instead; and so are records that stand for many, which have more to them than a count.

const (
	// countLines is how many lines are read sooner than counted by VictoriaLogs.
	countLines = 5_000
	// countSlice is about how many records VictoriaLogs counts for one question: it holds their numbers in memory.
	countSlice = 2_000_000
	// countKinds bounds the groups that are kept of all sites, each of some 400 bytes.
	countKinds = 600_000
	// overlapFilter bounds a filter for ranges of numbers, in bytes.
	overlapFilter = 8 << 10
	nanoTime      = "2006-01-02T15:04:05.000000000Z"
)

// CountBy counts the requests that s asks for by the fields of by, as audit.CountBy does for one site.
func (c *Client) CountBy(ctx context.Context, s Search, by *audit.Grouping) ([]audit.Group, Stats, error) {
	counter := audit.NewGroupCounter(by, s.Where)
	stats, err := c.count(ctx, s, by, counter)
	return counter.Groups(), stats, err
}

func (c *Client) count(ctx context.Context, s Search, by *audit.Grouping, counter *audit.GroupCounter) (Stats, error) {
	fields, bucket, ok := countKey(s.Where, by)
	filter, err := s.filter()
	if err != nil {
		return Stats{}, err
	}
	var plan []slice
	if ok && !c.ReadLines {
		if plan, err = c.plan(ctx, filter, s.whole(), cmp.Or(c.countSlice, countSlice)); err != nil {
			return Stats{}, err
		}
	}
	total := uint64(0)
	for _, p := range plan {
		total += p.records
	}
	if total <= min(c.slice(), countLines) {
		return c.countLines(ctx, s, counter)
	}
	n := count{c: c, s: &s, filter: filter, plan: plan, fields: fields, bucket: bucket, counter: counter,
		sites: map[string]*siteCount{}, texts: map[string]string{}, lines: make([]map[string]bool, len(plan))}
	if err := n.run(ctx); err != nil { // nothing is counted yet
		if ctx.Err() != nil {
			return n.stats, context.Cause(ctx)
		}
		stats, linesErr := c.countLines(ctx, s, counter)
		if !errors.Is(err, errTooManyKinds) {
			stats.Uncounted = err.Error()
		}
		return stats, linesErr
	}
	if err := n.finish(ctx); err != nil {
		return n.stats, err
	}
	return n.stats, context.Cause(ctx)
}

// countLines reads every record.
func (c *Client) countLines(ctx context.Context, s Search, counter *audit.GroupCounter) (Stats, error) {
	return c.Records(ctx, s, func(r *Record) error {
		counter.Add(&r.Record)
		return nil
	})
}

// A count is the state of a CountBy that VictoriaLogs counts for.
type count struct {
	c       *Client
	s       *Search
	filter  string
	plan    []slice
	fields  []string // of records, that the groups of VictoriaLogs have
	bucket  string   // a length of time that they have too; empty for none
	counter *audit.GroupCounter
	stats   Stats

	sites map[string]*siteCount // by the name of who delivered
	kinds int                   // of all sites
	texts map[string]string     // the values of all kinds
	lines []map[string]bool     // by slice: the sites whose lines of that slice are read
}

// A siteCount is what is known of one site.
type siteCount struct {
	spans []numbers
	kinds map[string]*kind
	lines bool // all of its lines are read
}

// numbers are those that a site has in one slice.
type numbers struct {
	first, last uint64
	within      slice
}

// errTooManyKinds says that records are too different to be counted by VictoriaLogs.
var errTooManyKinds = errors.New("too many groups")

func (n *count) run(ctx context.Context) error {
	for i := range n.plan {
		if err := n.slice(ctx, i); err != nil {
			return err
		}
	}
	return n.overlaps(ctx)
}

// slice counts what is in slice i.
func (n *count) slice(ctx context.Context, i int) error {
	found, err := n.distinct(ctx, n.plan[i])
	if err != nil {
		return err
	}
	if err := n.groups(ctx, n.plan[i], found); err != nil {
		return err
	}
	for name, got := range found {
		site := n.sites[name]
		if site == nil {
			site = &siteCount{kinds: map[string]*kind{}}
			n.sites[name] = site
		}
		switch {
		case got.unknown, got.counted != got.records: // the latter if something came in between
			site.lines = true
		case !got.distinct, got.inexact:
			if n.lines[i] == nil {
				n.lines[i] = map[string]bool{}
			}
			n.lines[i][name] = true
		default:
			for key, k := range got.kinds {
				if had := site.kinds[key]; had != nil {
					had.merge(k)
					continue
				}
				if n.kinds++; n.kinds > countKinds {
					return errTooManyKinds
				}
				site.kinds[key] = k
			}
		}
		site.spans = append(site.spans, got.numbers)
	}
	return nil
}

// within is a filter for the time of a slice, as far as it is asked for.
func (n *count) within(p slice) string {
	if p.from.Before(n.s.Since) {
		p.from = n.s.Since
	}
	if !n.s.Until.IsZero() && p.to.After(n.s.Until) {
		p.to = n.s.Until
	}
	return "_time:[" + p.from.UTC().Format(nanoTime) + "," + p.to.UTC().Format(nanoTime) + ")"
}

// finish counts what was found out, and what is read for it.
func (n *count) finish(ctx context.Context) error {
	var kinds []*kind
	whole := []string{}
	repeats := false
	for name, site := range n.sites {
		if site.lines {
			whole = append(whole, name)
			continue
		}
		for _, k := range site.kinds {
			if k.kind == audit.TypeRepeat {
				repeats = true
				continue
			}
			var r audit.Record
			if err := n.fill(&r, k); err != nil {
				return err
			}
			if n.s.Where.Match(&r) {
				kinds = append(kinds, k)
			}
		}
	}
	slices.SortFunc(kinds, func(a, b *kind) int { return a.span.First.Compare(b.span.First) })
	for _, k := range kinds {
		var r audit.Record
		if err := n.fill(&r, k); err != nil {
			return err
		}
		n.counter.AddAlike(&r, k.records, k.out, k.in, k.span)
		n.stats.Records += k.records
		n.stats.Counted += k.records
	}
	if repeats {
		s := *n.s
		s.only = `"webproxy.type":=` + quoted(string(audit.TypeRepeat))
		stats, err := n.read(ctx, s, func(r *Record) bool { return !n.readsLines(r) })
		if err != nil {
			return err
		}
		stats.Repeated, stats.Conflicts, stats.Conflict = 0, 0, "" // those are of sites whose lines are read below
		n.stats.add(&stats)
	}
	for i, of := range n.lines {
		s, names := *n.s, []string{}
		for name := range of {
			if !n.sites[name].lines {
				names = append(names, name)
			}
		}
		p := n.plan[i]
		if p.from.After(s.Since) {
			s.Since = p.from
		}
		if s.Until.IsZero() || p.to.Before(s.Until) {
			s.Until = p.to
		}
		if err := n.readSites(ctx, s, names); err != nil {
			return err
		}
	}
	return n.readSites(ctx, *n.s, whole)
}
