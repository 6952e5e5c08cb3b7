package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/wording"
)

// A Search selects records.
type Search struct {
	// Where excludes records that it does not match. Nil matches all.
	Where *audit.Query
	// Sites are names of the delivering sites, or patterns such as oslo-*. Empty means all.
	Sites []string
	// Since excludes records before it, Until those at or after it. Zero means no limit.
	Since, Until time.Time

	only string // a filter of LogsQL that all of them match; empty for none
}

// Stats say what a result is based on.
type Stats struct {
	Records  uint64 // that were selected, each once
	Counted  uint64 // of Records, those that VictoriaLogs counted: their lines were not read
	Read     uint64 // lines that VictoriaLogs returned
	Repeated uint64 // records found more than once, byte for byte
	// Conflicts counts numbers with several different records; the earliest record is used. Conflict names the first.
	Conflicts uint64
	Conflict  string
	// Unreadable counts lines that are not records; Unread is the error of the first.
	Unreadable uint64
	Unread     string
	// Uncounted is the error for which all lines were read, though VictoriaLogs was asked to count; empty for none.
	Uncounted string
}

func (s *Stats) add(o *Stats) {
	s.Records, s.Counted, s.Read, s.Repeated = s.Records+o.Records, s.Counted+o.Counted, s.Read+o.Read, s.Repeated+o.Repeated
	s.Conflicts, s.Conflict = s.Conflicts+o.Conflicts, cmp.Or(s.Conflict, o.Conflict)
	s.Unreadable, s.Unread = s.Unreadable+o.Unreadable, cmp.Or(s.Unread, o.Unread)
}

// Warnings describe problems in the records of a result.
func (s *Stats) Warnings() []string {
	var all []string
	if s.Uncounted != "" {
		all = append(all, "every line was read, since VictoriaLogs did not count: "+s.Uncounted)
	}
	if s.Unreadable > 0 {
		all = append(all, fmt.Sprintf("%s are no records of an audit log, the first: %s", wording.Plural(int(s.Unreadable), "line"), s.Unread))
	}
	if s.Conflicts > 0 {
		all = append(all, fmt.Sprintf("%s came with different records, the first is %s; the earliest counts. fleet verify tells which is right", wording.Plural(int(s.Conflicts), "number"), s.Conflict))
	}
	return all
}

const (
	defaultSlice = 50_000
	// aheadSlices is how many slices are read at a time.
	aheadSlices = 2
	// leastStep is the resolution of the time of records.
	leastStep = time.Millisecond
	// planBuckets is about how many spans of time one query for their sizes covers.
	planBuckets = 500
	logsqlTime  = "2006-01-02T15:04:05.000Z"
)

// A Record is a record of a site, with its line as it is in the site's log.
type Record struct {
	audit.Record
	Line string
	// From is the site that delivered it. Record.Site is its name when the record was written.
	From string
}

// Records calls fn with the records that s selects, ordered by time, site and number; each number of a site once. fn may keep the record.
func (c *Client) Records(ctx context.Context, s Search, fn func(*Record) error) (Stats, error) {
	var stats Stats
	filter, err := s.filter()
	if err != nil {
		return stats, err
	}
	plan, err := c.plan(ctx, filter, s.whole(), c.slice())
	if err != nil {
		return stats, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seen seenSet
	for part := range c.read(ctx, filter, &s, plan) {
		if part.err != nil {
			return stats, part.err
		}
		stats.Read += part.read
		stats.Unreadable += part.unreadable
		stats.Unread = cmp.Or(stats.Unread, part.unread)
		var before *Record
		for i := range part.records {
			r := &part.records[i]
			isNew, err := seen.add(r.From, r.Seq)
			switch {
			case err != nil:
				return stats, err
			case isNew:
				stats.Records++
				before = r
				if err := fn(r); err != nil {
					return stats, err
				}
			case before != nil && before.From == r.From && before.Line == r.Line:
				stats.Repeated++
			default:
				stats.Conflicts++
				stats.Conflict = cmp.Or(stats.Conflict, fmt.Sprintf("%d of site %q", r.Seq, r.From))
			}
		}
	}
	return stats, context.Cause(ctx)
}

// filter is the LogsQL filter of a search, without its time.
func (s *Search) filter() (string, error) {
	filters := []string{`"webproxy.type":*`, `!"webproxy.type":="checkpoint"`}
	if s.only != "" {
		filters = append(filters, s.only)
	}
	for _, p := range s.Sites {
		if _, err := path.Match(p, ""); err != nil {
			return "", fmt.Errorf("site %q is neither a name nor a pattern such as oslo-*", p)
		}
	}
	filters = append(filters, s.sitesFilter())
	if f := Filter(s.Where); f != everything {
		filters = append(filters, f)
	}
	return strings.Join(slices.DeleteFunc(filters, func(f string) bool { return f == "" }), " "), nil
}

// sitesFilter is a filter for the sites of s, or for more, with a space before it; empty for all.
func (s *Search) sitesFilter() string {
	var names []string
	for _, p := range s.Sites {
		name := `"webproxy.site":=`
		if i := strings.IndexAny(p, `*?[\`); i >= 0 {
			names = append(names, name+quoted(p[:i])+"*")
		} else {
			names = append(names, name+quoted(p))
		}
	}
	if f := " (" + strings.Join(names, " or ") + ")"; len(names) > 0 && len(f) < 3<<10 {
		return f
	}
	return ""
}

// meant reports whether s selects r.
func (s *Search) meant(r *audit.Record) bool {
	if r.Time.Before(s.Since) || !s.Until.IsZero() && !r.Time.Before(s.Until) {
		return false
	}
	return s.Where.Match(r)
}

// MatchesSite reports whether one of patterns matches site, or patterns is empty.
func MatchesSite(patterns []string, site string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, site)
		return ok && err == nil
	})
}

// A slice is a span of time, with the number of records that VictoriaLogs has in it.
type slice struct {
	from, to time.Time // exclusive
	records  uint64
}

// within is a filter for the time of records.
func (s slice) within() string {
	return "_time:[" + s.from.UTC().Format(logsqlTime) + "," + s.to.UTC().Format(logsqlTime) + ")"
}

// within is a filter for the time that s selects, with a space after it; empty for all times.
func (s *Search) within() string {
	if s.Since.IsZero() && s.Until.IsZero() {
		return ""
	}
	return s.whole().within() + " "
}

// whole is the time that s selects.
func (s *Search) whole() slice {
	whole := slice{from: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)}
	if !s.Since.IsZero() {
		whole.from = s.Since.UTC().Truncate(leastStep)
	}
	if !s.Until.IsZero() {
		whole.to = s.Until.UTC().Add(leastStep - 1).Truncate(leastStep)
	}
	return whole
}

// slice is about how many records are held in memory at a time.
func (c *Client) slice() uint64 { return uint64(cmp.Or(c.Slice, defaultSlice)) }

// plan divides time into slices of about target records.
func (c *Client) plan(ctx context.Context, filter string, whole slice, target uint64) ([]slice, error) {
	if !whole.from.Before(whole.to) {
		return nil, nil
	}
	found, answered := slice{}, false
	err := c.rows(ctx, whole.within()+" "+filter+" | stats count() n, min(_time) first, max(_time) last", func(row map[string]string) error {
		var err error
		answered = true
		if found.records, err = strconv.ParseUint(row["n"], 10, 64); err != nil || found.records == 0 {
			return err
		}
		if found.from, err = time.Parse(time.RFC3339Nano, row["first"]); err != nil {
			return err
		}
		found.to, err = time.Parse(time.RFC3339Nano, row["last"])
		return err
	})
	if err == nil && !answered {
		err = fmt.Errorf("%s does not say how many records there are: its answer is not whole", c.base.Host)
	}
	if err != nil || found.records == 0 {
		return nil, err
	}
	found.from, found.to = found.from.UTC().Truncate(leastStep), found.to.UTC().Truncate(leastStep).Add(leastStep)
	var plan []slice
	if err := c.divide(ctx, filter, found, target, &plan); err != nil {
		return nil, err
	}
	return plan, nil
}

// divide appends the parts of s to plan, each of which fits.
func (c *Client) divide(ctx context.Context, filter string, s slice, target uint64, plan *[]slice) error {
	span := s.to.Sub(s.from)
	if s.records <= target || span <= leastStep {
		*plan = append(*plan, s)
		return nil
	}
	step := max(span/time.Duration(min(2*s.records/target+1, planBuckets)), leastStep).Truncate(leastStep)
	var parts []slice
	total := uint64(0)
	err := c.rows(ctx, fmt.Sprintf("%s %s | stats by (_time:%dms) count() n", s.within(), filter, step.Milliseconds()), func(row map[string]string) error {
		at, err := time.Parse(time.RFC3339Nano, row["_time"])
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(row["n"], 10, 64)
		if len(parts) > 2*planBuckets+2 {
			err = fmt.Errorf("%s answers with more spans of time than it was asked for", c.base.Host)
		}
		total += n
		parts = append(parts, slice{from: at.UTC(), to: at.UTC().Add(step), records: n})
		return err
	})
	if err == nil && total < s.records {
		err = c.notWhole(total, s)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(parts, func(a, b slice) int { return a.from.Compare(b.from) })
	for i := range parts { // the first and the last may extend beyond s
		p := &parts[i]
		if p.from.Before(s.from) {
			p.from = s.from
		}
		if p.to.After(s.to) {
			p.to = s.to
		}
		if last := len(*plan) - 1; i > 0 && last >= 0 && p.records+(*plan)[last].records <= target && (*plan)[last].to.Compare(p.from) <= 0 && !(*plan)[last].from.Before(s.from) {
			(*plan)[last].to, (*plan)[last].records = p.to, (*plan)[last].records+p.records
			continue
		}
		if p.to.Sub(p.from) >= span {
			*plan = append(*plan, *p)
			continue
		}
		if err := c.divide(ctx, filter, *p, target, plan); err != nil {
			return err
		}
	}
	return nil
}

// A sliceRead has the records of one slice, in order.
type sliceRead struct {
	records    []Record
	read       uint64
	unreadable uint64
	unread     string
	err        error
}

// read reads the slices of plan, some ahead, and yields them in order.
func (c *Client) read(ctx context.Context, filter string, s *Search, plan []slice) func(func(sliceRead) bool) {
	return func(yield func(sliceRead) bool) {
		var ahead []chan sliceRead
		next := 0
		for done := 0; done < len(plan); done++ {
			for next < len(plan) && len(ahead) < aheadSlices {
				ch, part := make(chan sliceRead, 1), plan[next]
				go func() { ch <- c.readSlice(ctx, filter, s, part) }()
				ahead = append(ahead, ch)
				next++
			}
			part := <-ahead[0]
			ahead = ahead[1:]
			if !yield(part) || part.err != nil {
				return // remaining reads end with ctx; nothing waits for them
			}
		}
	}
}

// readSlice reads the records of one slice.
func (c *Client) readSlice(ctx context.Context, filter string, s *Search, part slice) (got sliceRead) {
	got.err = c.Query(ctx, part.within()+" "+filter+" | fields _msg, \"webproxy.site\"", func(line []byte) error {
		got.read++
		var row struct {
			Msg  string `json:"_msg"`
			Site string `json:"webproxy.site"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("%s answers with a line that is none: %w", c.base.Host, err)
		}
		if !MatchesSite(s.Sites, row.Site) {
			return nil
		}
		r, err := audit.Decode([]byte(row.Msg))
		if err != nil {
			got.unreadable++
			got.unread = cmp.Or(got.unread, fmt.Sprintf("%v in %s", err, shortText([]byte(row.Msg[:min(len(row.Msg), 80)]))))
			return nil
		}
		if s.meant(&r) {
			got.records = append(got.records, Record{r, row.Msg, row.Site})
		}
		return nil
	})
	if got.err == nil && got.read < part.records {
		got.err = c.notWhole(got.read, part)
	}
	slices.SortFunc(got.records, func(a, b Record) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.From, b.From), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Line, b.Line))
	})
	return got
}

// notWhole is the error for n records where VictoriaLogs had counted more.
func (c *Client) notWhole(n uint64, of slice) error {
	return fmt.Errorf("%s returned %d of %d records from %s on: its answer is not whole", c.base.Host, n, of.records, of.from.Format(time.RFC3339))
}
