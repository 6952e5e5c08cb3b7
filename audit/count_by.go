package audit

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Group counts the requests with equal values in the fields of CountBy.
type Group struct {
	Values   []string // as in the log
	Requests uint64
	BytesOut uint64
	BytesIn  uint64
	Span
}

// A Grouping is what to count by.
type Grouping struct {
	fields  []groupField
	columns columnSet
	days    bool // by contains day or hour, not only columns
}

// A groupField returns the value of one field as text.
type groupField struct {
	name string
	text func(*Record) string
}

// ParseGrouping reads names of fields, which are those of the log, and day and hour. The error names the one that is
// unknown.
func ParseGrouping(names []string) (*Grouping, error) {
	g := &Grouping{}
	for _, name := range names {
		switch name {
		case "day":
			g.days = true
			g.fields = append(g.fields, groupField{name, func(r *Record) string { return r.Time.Format(time.DateOnly) }})
			continue
		case "hour":
			g.days = true
			g.fields = append(g.fields, groupField{name, func(r *Record) string { return r.Time.Format("2006-01-02T15:00Z") }})
			continue
		}
		i := columnIndex(name, 0)
		if i < 0 {
			if near := nearestField(name); near != "" {
				return nil, fmt.Errorf("no such field %q; did you mean %s?", name, near)
			}
			return nil, fmt.Errorf("no such field %q", name)
		}
		at := columns[i].at
		g.columns |= 1 << i
		g.fields = append(g.fields, groupField{name, func(r *Record) string { return fieldText(at(r)) }})
	}
	if len(g.fields) == 0 {
		return nil, fmt.Errorf("no field to count by")
	}
	return g, nil
}

// Names are the names of the fields.
func (g *Grouping) Names() []string {
	names := make([]string, len(g.fields))
	for i, f := range g.fields {
		names[i] = f.name
	}
	return names
}

// fieldText is a field's value as in the log, with a list's elements separated by spaces.
func fieldText(field any) string {
	switch v := field.(type) {
	case *string:
		return *v
	case *Type:
		return string(*v)
	case *netip.Addr:
		if !v.IsValid() {
			return ""
		}
		return v.String()
	case *time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(TimeLayout)
	case *time.Duration:
		return strconv.FormatInt(Milliseconds(*v), 10)
	case *[]string:
		return strings.Join(*v, " ")
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case *int64:
		return strconv.FormatInt(*v, 10)
	case *uint16:
		return strconv.FormatUint(uint64(*v), 10)
	case *uint64:
		return strconv.FormatUint(*v, 10)
	}
	panic(fmt.Sprintf("audit: no text for %T", field))
}

// groups are the Groups found so far.
type groups struct {
	by    *Grouping
	each  bool // every record counts, not every request
	found map[string]*Group
	key   []byte
}

func newGroups(by *Grouping, q *Query) *groups {
	return &groups{by: by, each: countsRecords(q), found: map[string]*Group{}}
}

// countsRecords reports whether q is about records rather than requests: it asks for a type, or for fields that only
// the end of a request has. Otherwise a request counts once, although it has two records.
func countsRecords(q *Query) bool {
	return q != nil && q.uses&columnsOf("type", "status", "error", "bytes_out", "bytes_in", "dur_ms", "dns_ms", "connect_ms",
		"dst_ip", "sni", "detail", "added", "removed", "by", "ticket", "policy_old") != 0
}

// group returns the Group that r is in.
func (g *groups) group(r *Record) *Group {
	g.key = g.key[:0]
	for i := range g.by.fields {
		text := g.by.fields[i].text(r)
		g.key = binary.AppendUvarint(g.key, uint64(len(text))) // no two lists of values have the same key
		g.key = append(g.key, text...)
	}
	if found, ok := g.found[string(g.key)]; ok {
		return found
	}
	values := make([]string, len(g.by.fields))
	for i := range values {
		values[i] = strings.Clone(g.by.fields[i].text(r))
	}
	return g.put(string(g.key), &Group{Values: values})
}

// put adds a new Group. If there are too many, it returns the one of all Others instead.
func (g *groups) put(key string, group *Group) *Group {
	if len(g.found) >= tallyRows {
		key = Other // no key is this text: keys begin with the length of a value
		if others, ok := g.found[key]; ok {
			return others
		}
		group = &Group{Values: make([]string, len(g.by.fields))}
		group.Values[0] = Other
	}
	g.found[key] = group
	return group
}

func (g *groups) record(r *Record) { g.alike(r, 1, uint64(r.BytesOut), uint64(r.BytesIn), r.span()) }

func (g *groups) alike(r *Record, records, bytesOut, bytesIn uint64, span Span) {
	n := r.requests()
	if g.each && n == 0 {
		n = 1
	}
	found := g.group(r)
	found.Requests += n * records
	if r.Type == TypeClose {
		found.BytesOut += bytesOut
		found.BytesIn += bytesIn
	}
	if n > 0 {
		found.Include(span)
	}
}

func (g *groups) row(row *Row) {
	r := row.record()
	found := g.group(&r)
	found.Requests += row.Requests
	found.BytesOut += row.BytesOut
	found.BytesIn += row.BytesIn
	found.Include(row.Span)
}

func (g *groups) merge(o *groups) {
	for key, other := range o.found {
		mine, ok := g.found[key]
		if !ok {
			mine = g.put(key, &Group{Values: other.Values})
		}
		mine.Requests += other.Requests
		mine.BytesOut += other.BytesOut
		mine.BytesIn += other.BytesIn
		mine.Include(other.Span)
	}
}

// CountBy counts requests of the log in dir that o asks for, by the fields of by; the most frequent first. A request
// counts once, by its decision, unless o.Where asks for a type or for what only its end tells: then every record
// counts. Groups beyond a bound are counted together, as Other.
func CountBy(dir string, o ScanOptions, by *Grouping) ([]Group, Stats, error) {
	p, err := newPass(dir, &o)
	if err != nil {
		return nil, Stats{}, err
	}
	defer p.close()
	var stats Stats
	all := newGroups(by, o.Where)
	err = inOrder(len(p.files), o.workers(), func(i int, emit func(partGroups) bool) {
		emit(p.countBy(i, by))
	}, func(_ int, part partGroups) error {
		if part.groups != nil {
			all.merge(part.groups)
		}
		stats.add(part.stats)
		return nil
	})
	return all.list(), stats, err
}

// list is what was counted, the most first.
func (g *groups) list() []Group {
	list := make([]Group, 0, len(g.found))
	for _, one := range g.found {
		if one.Requests > 0 {
			list = append(list, *one)
		}
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), slices.Compare(a.Values, b.Values))
	})
	return list
}

// A GroupCounter counts as CountBy does, for a caller that has records from another source than a directory. It is
// not safe for concurrent use.
type GroupCounter struct{ groups *groups }

// NewGroupCounter returns a counter by the fields of by. q, which the caller evaluates, decides whether every record
// counts.
func NewGroupCounter(by *Grouping, q *Query) *GroupCounter { return &GroupCounter{newGroups(by, q)} }

// Add counts r, whose strings are not kept.
func (c *GroupCounter) Add(r *Record) { c.groups.record(r) }

// AddAlike counts records that are alike in the fields of the grouping and of the query, and in type and decision: r is one of them,
// bytesOut and bytesIn are the sums of all. span is the time of the first and of the last. Records that stand for others
// (TypeRepeat) are not alike: Add counts each.
func (c *GroupCounter) AddAlike(r *Record, records, bytesOut, bytesIn uint64, span Span) {
	c.groups.alike(r, records, bytesOut, bytesIn, span)
}

// Groups are all groups, those with the most requests first.
func (c *GroupCounter) Groups() []Group { return c.groups.list() }

// partGroups is what one file adds to CountBy.
type partGroups struct {
	groups *groups // nil for nothing
	stats  *fileStats
}

// countBy counts file i: by its summary if that has the fields, and not at all if the summary rules it out.
func (p *pass) countBy(i int, by *Grouping) partGroups {
	o := p.options
	g := newGroups(by, o.Where)
	var sum *summary
	byRows := !by.days && by.columns&^rowColumns() == 0 && o.Where.usesOnly(rowColumns())
	if byRows {
		sum = p.summary(i)
	} else {
		sum = p.loadSummary(i)
	}
	if sum != nil {
		place := p.place(sum, o.Since)
		switch {
		case place == placeUnasked, !sum.mayMatch(o.Where):
			return partGroups{stats: sum.stats()}
		case place == placeWithin && byRows && sum.Overflow == 0:
			for _, row := range sum.Rows {
				if r := row.record(); o.Where.match(&r, allColumns) == yes {
					g.row(row)
				}
			}
			return partGroups{g, sum.stats()}
		}
	}
	s := p.scanner(i)
	s.each(func(r *Record, _ string) bool {
		g.record(r)
		return true
	})
	return partGroups{g, &s.stats}
}
