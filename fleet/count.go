package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
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

// countFields are the fields by which VictoriaLogs can group, by name: they have few values. Each sets that of a record to the text
// of the field's countAttribute.
var countFields = map[string]func(r *audit.Record, text string) error{
	"site":     textField(func(r *audit.Record) *string { return &r.Site }),
	"type":     textField(func(r *audit.Record) *audit.Type { return &r.Type }),
	"group":    textField(func(r *audit.Record) *string { return &r.Group }),
	"decision": textField(func(r *audit.Record) *policy.Outcome { return &r.Decision }),
	"reason":   textField(func(r *audit.Record) *string { return &r.Reason }),
	"rule":     textField(func(r *audit.Record) *string { return &r.Rule }),
	"policy":   textField(func(r *audit.Record) *string { return &r.Policy }),
	"mode":     textField(func(r *audit.Record) *string { return &r.Mode }),
	"method":   textField(func(r *audit.Record) *string { return &r.Method }),
	"scheme":   textField(func(r *audit.Record) *string { return &r.Scheme }),
	"host":     exactField(func(r *audit.Record) *string { return &r.Host }), // no number: policy.ParseTarget
	"sni":      textField(func(r *audit.Record) *string { return &r.SNI }),
	"error":    textField(func(r *audit.Record) *string { return &r.Error }),
	"client":   addressField(func(r *audit.Record) *netip.Addr { return &r.Client }),
	"dst_ip":   addressField(func(r *audit.Record) *netip.Addr { return &r.DstIP }),
	"port":     numberField(16, func(r *audit.Record, n uint64) { r.Port = uint16(n) }),
	"status":   numberField(31, func(r *audit.Record, n uint64) { r.Status = int(n) }),
}

// countAttribute is the attribute of a field of countFields.
func countAttribute(field string) string {
	if field == "site" {
		return "webproxy.site" // who delivered; a record that says otherwise is not counted by it
	}
	return attributes[field]
}

// exactField is a field that VictoriaLogs returns as it was sent.
func exactField[T ~string](at func(*audit.Record) *T) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		*at(r) = T(text)
		return nil
	}
}

// textField is a field that may look like a number, and VictoriaLogs may have returned another text then: see numeric.
func textField[T ~string](at func(*audit.Record) *T) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		*at(r) = T(text)
		if numeric(text) {
			return errInexact
		}
		return nil
	}
}

func addressField(at func(*audit.Record) *netip.Addr) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) (err error) {
		if text != "" {
			*at(r), err = netip.ParseAddr(text)
		}
		return err
	}
}

func numberField(bits int, set func(*audit.Record, uint64)) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		n, err := strconv.ParseUint(cmp.Or(text, "0"), 10, bits)
		set(r, n)
		return err
	}
}

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

// countKey is what VictoriaLogs must group by, so that q can be evaluated and records counted by by for each of its groups. ok
// is false if there is more to them than attributes of few values.
func countKey(q *audit.Query, by *audit.Grouping) (fields []string, bucket string, ok bool) {
	fields = []string{"type", "decision"}
	for _, name := range slices.Concat(q.Fields(), by.Names()) {
		switch {
		case name == "hour":
			bucket = "1h"
		case name == "day":
			bucket = cmp.Or(bucket, "1d")
		case countFields[name] == nil:
			return nil, "", false
		case !slices.Contains(fields, name):
			fields = append(fields, name)
		}
	}
	return fields, bucket, true
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

// A kind is records of one site that are alike. There are many, so a kind has no audit.Record, but what makes one.
type kind struct {
	kind             audit.Type
	values           []string  // of the fields of the count, in their order
	at               time.Time // the first, or the beginning of the bucket
	records, out, in uint64
	span             audit.Span
}

func (k *kind) merge(o *kind) {
	k.records, k.out, k.in = k.records+o.records, k.out+o.out, k.in+o.in
	k.span.Include(o.span)
}

// A siteSlice is what VictoriaLogs says of one site in one slice.
type siteSlice struct {
	numbers
	records  uint64
	counted  uint64 // of them, in groups
	kinds    map[string]*kind
	distinct bool // no number is there twice
	inexact  bool // its groups do not say all that its lines say
	unknown  bool // its numbers are not known
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

const distinctStats = ` | stats by ("webproxy.site") count() n, count_uniq("webproxy.seq") distinct`

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

// distinct asks which sites have records in a slice, and whether their numbers are distinct.
func (n *count) distinct(ctx context.Context, within slice) (map[string]*siteSlice, error) {
	found := map[string]*siteSlice{}
	records := uint64(0)
	err := n.c.rows(ctx, n.within(within)+" "+n.filter+distinctStats+`, min("webproxy.seq") first, max("webproxy.seq") last`, func(row map[string]string) error {
		name := row["webproxy.site"]
		here, _ := strconv.ParseUint(row["n"], 10, 64)
		records += here
		if !MatchesSite(n.s.Sites, name) {
			return nil
		}
		got := &siteSlice{kinds: map[string]*kind{}}
		got.within = within
		var ok [3]bool
		got.records, ok[0] = exactNumber(row["n"])
		got.first, ok[1] = exactNumber(row["first"])
		got.last, ok[2] = exactNumber(row["last"])
		got.unknown = ok != [3]bool{true, true, true}
		got.distinct = row["n"] == row["distinct"]
		found[name] = got
		return nil
	})
	clipped := within.from.Before(n.s.Since) || !n.s.Until.IsZero() && within.to.After(n.s.Until)
	if err == nil && !clipped && records < within.records {
		err = n.c.notWhole(records, within)
	}
	return found, err
}

// exactNumber reads a number that LogsQL has not rounded; ok is false if it may have.
func exactNumber(text string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n < exactNumbers
}

// groups asks for the groups of a slice, and adds them to found.
func (n *count) groups(ctx context.Context, within slice, found map[string]*siteSlice) error {
	by := []string{`"webproxy.site"`}
	for _, f := range n.fields {
		if f == "site" { // of a site that has another name since, the record has the old one
			by = append(by, `"webproxy.renamed"`)
			continue
		}
		by = append(by, quoted(countAttribute(f)))
	}
	if n.bucket != "" {
		by = append(by, "_time:"+n.bucket)
	}
	kinds := 0
	return n.c.rows(ctx, n.within(within)+" "+n.filter+" | stats by ("+strings.Join(by, ", ")+`) count() n, min(_time) first, max(_time) last,
		sum("webproxy.bytes_out") out, max("webproxy.bytes_out") most_out, sum("webproxy.bytes_in") in, max("webproxy.bytes_in") most_in`, func(row map[string]string) error {
		name := row["webproxy.site"]
		if !MatchesSite(n.s.Sites, name) {
			return nil
		}
		if kinds++; kinds > countKinds {
			return errTooManyKinds
		}
		got := found[name]
		if got == nil { // its first record came in between
			got = &siteSlice{kinds: map[string]*kind{}, unknown: true}
			found[name] = got
		}
		records, ok := exactNumber(row["n"])
		got.counted += records
		k, err := n.kind(row, records)
		if !ok || err != nil || row["webproxy.renamed"] != "" {
			got.inexact = true
			return nil
		}
		key := fmt.Sprintf("%q", n.key(row))
		if had := got.kinds[key]; had != nil { // LogsQL told apart what is one here
			had.merge(k)
			return nil
		}
		got.kinds[key] = k
		return nil
	})
}

// key is what tells a kind from others of its site.
func (n *count) key(row map[string]string) []string {
	key := []string{row["_time"]}
	for _, f := range n.fields {
		key = append(key, row[countAttribute(f)])
	}
	return key
}

// kind reads a group of so many records of VictoriaLogs. The error says that it is not exact.
func (n *count) kind(row map[string]string, records uint64) (*kind, error) {
	k := &kind{records: records, values: make([]string, len(n.fields))}
	for i, f := range n.fields {
		k.values[i] = n.shared(row[countAttribute(f)])
	}
	var r audit.Record
	if err := n.fill(&r, k); err != nil {
		return nil, err
	}
	k.kind = r.Type
	var err [3]error
	k.span.First, err[0] = time.Parse(time.RFC3339Nano, row["first"])
	k.span.Last, err[1] = time.Parse(time.RFC3339Nano, row["last"])
	k.span = audit.Span{First: k.span.First.UTC(), Last: k.span.Last.UTC()}
	k.at = k.span.First
	if n.bucket != "" {
		k.at, err[2] = time.Parse(time.RFC3339Nano, row["_time"])
		k.at = k.at.UTC()
	}
	if err := errors.Join(err[:]...); err != nil {
		return nil, err
	}
	if k.kind != audit.TypeClose {
		return k, nil
	}
	var ok [2]bool
	k.out, ok[0] = exactSum(row["out"], row["most_out"], records)
	k.in, ok[1] = exactSum(row["in"], row["most_in"], records)
	if ok != [2]bool{true, true} {
		return nil, errInexact
	}
	return k, nil
}

// fill makes r a record of the kind k, as far as the fields of the count go.
func (n *count) fill(r *audit.Record, k *kind) error {
	r.Time = k.at
	for i, f := range n.fields {
		if err := countFields[f](r, k.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// shared is text, of which all kinds have one copy.
func (n *count) shared(text string) string {
	if had, ok := n.texts[text]; ok {
		return had
	}
	n.texts[text] = text
	return text
}

var errInexact = errors.New("VictoriaLogs may have altered a value")

// exactSum reads a sum of n numbers of which one is the greatest; ok is false if LogsQL may have rounded it. None of the numbers may
// be there.
func exactSum(sum, most string, n uint64) (total uint64, ok bool) {
	if most == "" {
		return 0, true
	}
	greatest, ok := exactNumber(most)
	if !ok || greatest > 1<<62/max(n, 1) { // beyond that a sum could begin anew
		return 0, false
	}
	return exactNumber(sum)
}

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
