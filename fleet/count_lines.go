package fleet

import (
	"context"
	"slices"
	"strings"
	"time"
)

// readsLines reports whether r is among what is read as lines anyway.
func (n *count) readsLines(r *Record) bool {
	if site := n.sites[r.From]; site != nil && site.lines {
		return true
	}
	i, found := slices.BinarySearchFunc(n.plan, r.Time, func(p slice, t time.Time) int { return p.from.Compare(t) })
	if !found {
		i--
	}
	return i >= 0 && n.lines[i][r.From]
}

// readSites counts the records of some sites by their lines.
func (n *count) readSites(ctx context.Context, s Search, names []string) error {
	for _, s.Sites = range sitesAtOnce(names) {
		stats, err := n.read(ctx, s, func(*Record) bool { return true })
		if err != nil {
			return err
		}
		n.stats.add(&stats)
	}
	return nil
}

// sitesAtOnce are patterns for names, sorted, in parts for which VictoriaLogs can be asked: see sitesFilter.
func sitesAtOnce(names []string) (parts [][]string) {
	slices.Sort(names)
	var part Search
	for _, name := range names {
		more := Search{Sites: append(slices.Clip(part.Sites), sitePattern(name))}
		if len(part.Sites) > 0 && more.sitesFilter() == "" {
			parts = append(parts, part.Sites)
			more.Sites = more.Sites[len(part.Sites):]
		}
		part = more
	}
	if len(part.Sites) > 0 {
		parts = append(parts, part.Sites)
	}
	return parts
}

// sitePattern is the pattern for one name.
func sitePattern(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// read counts the records of s that counts says by their lines.
func (n *count) read(ctx context.Context, s Search, counts func(*Record) bool) (Stats, error) {
	skipped := uint64(0)
	stats, err := n.c.Records(ctx, s, func(r *Record) error {
		if !counts(r) {
			skipped++
			return nil
		}
		n.counter.Add(&r.Record)
		return nil
	})
	stats.Records -= skipped
	return stats, err
}
