package live

import (
	"iter"
	"net/netip"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

// Hours is how many hours a Day has: the current one, and those before it.
const Hours = 24

// A Key is what the requests of a DayRow have in common.
type Key struct {
	Group    string
	Client   netip.Addr
	Host     string
	Port     uint16
	Scheme   string
	Decision policy.Outcome
	Reason   string
	Rule     string
}

// A DayRow counts requests of the last day with the same Key.
type DayRow struct {
	Key
	First, Last time.Time // of these requests
	ID          string    // of the last
	slots       [Hours]uint32
	total       uint64
	all         *audit.Row // of the whole log, alike in the same; nil if not known
}

// Requests is how many there were.
func (r *DayRow) Requests() uint64 { return r.total }

// Record has the fields that all records of the row share.
func (r *DayRow) Record() audit.Record {
	return audit.Record{Group: r.Group, Client: r.Client, Host: r.Host, Port: r.Port, Scheme: r.Scheme,
		Decision: r.Decision, Reason: r.Reason, Rule: r.Rule}
}

// A Day counts the requests of the last 24 hours by the hour.
type Day struct {
	rows map[Key]*DayRow
	most int   // rows
	hour int64 // number of the current hour
	// Overflow is how many keys were counted together, because there were too many.
	Overflow uint64
}

// dayRows bounds the rows of a Day.
const dayRows = 100_000

func newDay(now time.Time) *Day {
	return &Day{rows: map[Key]*DayRow{}, most: dayRows, hour: hourOf(now)}
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// startOfDay is the beginning of the first hour of a Day.
func startOfDay(now time.Time) time.Time { return time.Unix((hourOf(now)-Hours+1)*3600, 0).UTC() }

// Since is the beginning of the first hour.
func (d *Day) Since() time.Time { return time.Unix((d.hour-Hours+1)*3600, 0).UTC() }

// All are the rows, in no order.
func (d *Day) All() iter.Seq[*DayRow] {
	return func(yield func(*DayRow) bool) {
		for _, r := range d.rows {
			if !yield(r) {
				return
			}
		}
	}
}

// Hours are the counts of r by hour, the oldest first.
func (d *Day) Hours(r *DayRow) (hours [Hours]uint64) {
	for i := range hours {
		hours[i] = uint64(r.slots[(d.hour+1+int64(i))%Hours])
	}
	return hours
}

// add counts a record, and returns its row; nil if it is not of the day, or there are too many rows.
func (d *Day) add(r *audit.Record, now time.Time) *DayRow {
	d.turn(hourOf(now))
	n, at := requests(r), r.Time
	if r.Type == audit.TypeRepeat && !r.First.IsZero() {
		at = r.First
	}
	h := hourOf(at)
	if n == 0 || h <= d.hour-Hours || h > d.hour {
		return nil
	}
	k := Key{r.Group, r.Client, r.Host, r.Port, r.Scheme, r.Decision, r.Reason, r.Rule}
	row, own := d.rows[k], true
	if row == nil {
		if own = len(d.rows) < d.most; !own {
			d.Overflow++
			k = Key{Host: audit.Other, Decision: r.Decision, Reason: audit.Other, Rule: audit.Other}
		}
		if row = d.rows[k]; row == nil {
			for _, s := range []*string{&k.Group, &k.Host, &k.Scheme, &k.Reason, &k.Rule} {
				*s = strings.Clone(*s)
			}
			k.Decision = policy.Outcome(strings.Clone(string(k.Decision)))
			row = &DayRow{Key: k, First: at}
			d.rows[k] = row
		}
	}
	row.slots[h%Hours] += uint32(min(n, 1<<31))
	row.total += n
	row.Last = r.Time
	if r.ID != "" && r.ID != row.ID {
		row.ID = strings.Clone(r.ID)
	}
	if !own {
		return nil
	}
	return row
}

// turn drops the hours that are older than the day.
func (d *Day) turn(hour int64) {
	if hour <= d.hour {
		return
	}
	steps := min(hour-d.hour, Hours)
	for k, row := range d.rows {
		for i := range steps {
			slot := &row.slots[(d.hour+1+i)%Hours]
			row.total -= min(uint64(*slot), row.total)
			*slot = 0
		}
		if row.total == 0 {
			delete(d.rows, k)
		} else if first := time.Unix((hour-Hours+1)*3600, 0).UTC(); row.First.Before(first) {
			row.First = first
		}
	}
	d.hour = hour
}

// requests is how many requests r adds: each request is counted once.
func requests(r *audit.Record) uint64 {
	switch r.Type {
	case audit.TypeDecision:
		return 1
	case audit.TypeRepeat:
		return uint64(max(r.Count, 0))
	case audit.TypeClose:
		if r.Decision == "deny" {
			return 1
		}
	}
	return 0
}
