package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"webproxy/policy"
)

// A Row counts requests that are alike in everything that a review asks for.
type Row struct {
	Group    string         `json:"group"`
	Client   netip.Addr     `json:"client"`
	Host     string         `json:"host"`
	Port     uint16         `json:"port"`
	Scheme   string         `json:"scheme"`
	Decision policy.Outcome `json:"decision"`
	Reason   string         `json:"reason"`
	Rule     string         `json:"rule"`

	// Requests is the number of decision records, and of those that repeat records stand for. Late ones count too.
	Requests uint64 `json:"requests"`
	// Late is how many of Requests had been let through by their decision record, and were refused when the address
	// was known; their decision record counts in another Row.
	Late uint64 `json:"late,omitempty"`
	// Closed is the number of close records; the bytes are theirs.
	Closed   uint64 `json:"closed,omitempty"`
	BytesOut uint64 `json:"bytes_out,omitempty"`
	BytesIn  uint64 `json:"bytes_in,omitempty"`
	Span
}

// A Span is the time of the first request and of the last; zero if there was none.
type Span struct {
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Include widens s to include o.
func (s *Span) Include(o Span) {
	if o.First.IsZero() {
		return
	}
	if s.First.IsZero() || o.First.Before(s.First) {
		s.First = o.First
	}
	if o.Last.After(s.Last) {
		s.Last = o.Last
	}
}

// span is the time of the requests that r stands for.
func (r *Record) span() Span {
	if r.Type == TypeRepeat && !r.First.IsZero() {
		return Span{r.First, r.Last}
	}
	return Span{r.Time, r.Time}
}

// rowColumns are the fields that all records of a Row have in common.
func rowColumns() columnSet {
	return columnsOf("group", "client", "host", "port", "scheme", "decision", "reason", "rule")
}

// rowKey is what makes requests alike.
type rowKey struct {
	group    string
	client   netip.Addr
	host     string
	port     uint16
	scheme   string
	decision policy.Outcome
	reason   string
	rule     string
}

// keyOf is the key of a record's row. The strings are the record's.
func keyOf(r *Record) rowKey {
	return rowKey{r.Group, r.Client, r.Host, r.Port, r.Scheme, r.Decision, r.Reason, r.Rule}
}

func (r *Row) key() rowKey {
	return rowKey{r.Group, r.Client, r.Host, r.Port, r.Scheme, r.Decision, r.Reason, r.Rule}
}

// record is what all records of the row have in common.
func (r *Row) record() Record {
	return Record{
		Group: r.Group, Client: r.Client, Host: r.Host, Port: r.Port, Scheme: r.Scheme,
		Decision: r.Decision, Reason: r.Reason, Rule: r.Rule,
	}
}

// add counts what o counts.
func (r *Row) add(o *Row) {
	r.Requests += o.Requests
	r.Late += o.Late
	r.Closed += o.Closed
	r.BytesOut += o.BytesOut
	r.BytesIn += o.BytesIn
	r.Include(o.Span)
}

// Other is the host, and the rule, of the row that counts requests which would have made too many rows: a client that
// asks for a new host each time must not exhaust a reader's memory.
const Other = "(others)"

const (
	// fileRows bounds the rows of one file, tallyRows those of a log.
	fileRows  = 100_000
	tallyRows = 300_000
	// fileEvents bounds the event lines kept of one file.
	fileEvents = 20_000
)

// A Tally is the sum of a number of records.
type Tally struct {
	rows     map[rowKey]*Row
	limit    int
	last     *Row // the last row: most records are like the one before
	overflow uint64

	hours  map[int64]*Hour
	events []string // lines of all records that are not about requests
	cut    uint64   // events beyond fileEvents

	earliest, latest time.Time // of all records
	spread           uint64    // requests in repeat records of several hosts
}

// An Hour counts the requests of one hour.
type Hour struct {
	Start     time.Time `json:"start"`
	Allowed   uint64    `json:"allow"`
	Denied    uint64    `json:"deny"`
	WouldDeny uint64    `json:"would_deny"`
}

func newTally(limit int) *Tally {
	return &Tally{rows: map[rowKey]*Row{}, limit: limit, hours: map[int64]*Hour{}}
}

// requests is how many requests r adds to a count, so that each is counted once: a close only if it is the only
// record of a refusal.
func (r *Record) requests() uint64 {
	switch r.Type {
	case TypeDecision:
		return 1
	case TypeRepeat:
		return uint64(max(r.Count, 0))
	case TypeClose:
		if r.RefusedLate() {
			return 1
		}
	}
	return 0
}

// add counts r, whose strings are not kept. line is its line.
func (t *Tally) add(r *Record, line string) {
	t.include(r)
	switch r.Type {
	case TypeDecision, TypeRepeat, TypeClose:
		t.addTo(t.row(keyOf(r)), r)
	default:
		t.event(line)
	}
}

// include widens the time of all records by r's.
func (t *Tally) include(r *Record) {
	if t.earliest.IsZero() || r.Time.Before(t.earliest) {
		t.earliest = r.Time
	}
	if r.Time.After(t.latest) {
		t.latest = r.Time
	}
}

// addTo counts r in its row.
func (t *Tally) addTo(row *Row, r *Record) {
	n := r.requests()
	row.Requests += n
	if r.Type == TypeClose {
		row.Late += n
		row.Closed++
		row.BytesOut += uint64(r.BytesOut)
		row.BytesIn += uint64(r.BytesIn)
	}
	if n == 0 {
		return
	}
	if r.Type == TypeRepeat && r.Host == "" {
		t.spread += n
	}
	span := r.span()
	row.Include(span)
	t.hour(span.First, r.Decision, n)
}

func (t *Tally) event(line string) {
	if len(t.events) >= fileEvents {
		t.cut++
		return
	}
	t.events = append(t.events, strings.Clone(line))
}

// row returns the row of a key. A new row gets strings of its own.
func (t *Tally) row(k rowKey) *Row {
	if t.last != nil && t.last.key() == k {
		return t.last
	}
	row, ok := t.rows[k]
	if !ok {
		row = t.newRow(k)
	}
	t.last = row
	return row
}

func (t *Tally) newRow(k rowKey) *Row {
	if len(t.rows) >= t.limit {
		t.overflow++
		k = rowKey{host: Other, rule: Other, decision: k.decision, reason: Other}
		if row, ok := t.rows[k]; ok {
			return row
		}
	}
	k = rowKey{
		strings.Clone(k.group), k.client, strings.Clone(k.host), k.port, strings.Clone(k.scheme),
		policy.Outcome(strings.Clone(string(k.decision))), strings.Clone(k.reason), strings.Clone(k.rule),
	}
	row := &Row{Group: k.group, Client: k.client, Host: k.host, Port: k.port, Scheme: k.scheme,
		Decision: k.decision, Reason: k.reason, Rule: k.rule}
	t.rows[k] = row
	return row
}

func (t *Tally) hour(at time.Time, decision policy.Outcome, n uint64) {
	start := at.Unix() / 3600
	h := t.hours[start]
	if h == nil {
		h = &Hour{Start: at.UTC().Truncate(time.Hour)}
		t.hours[start] = h
	}
	h.count(decision, n)
}

func (h *Hour) count(decision policy.Outcome, n uint64) {
	switch decision {
	case policy.Allowed:
		h.Allowed += n
	case policy.WouldDeny:
		h.WouldDeny += n
	default: // a record without a decision permits nothing
		h.Denied += n
	}
}

// merge counts what o counts. It may keep parts of o.
func (t *Tally) merge(o *Tally) {
	if o == nil {
		return
	}
	for _, row := range o.rows {
		t.row(row.key()).add(row)
	}
	for start, h := range o.hours {
		mine := t.hours[start]
		if mine == nil {
			mine = &Hour{Start: h.Start}
			t.hours[start] = mine
		}
		mine.Allowed += h.Allowed
		mine.Denied += h.Denied
		mine.WouldDeny += h.WouldDeny
	}
	t.events = append(t.events, o.events...)
	t.cut += o.cut
	t.overflow += o.overflow
	t.spread += o.spread
	if t.earliest.IsZero() || !o.earliest.IsZero() && o.earliest.Before(t.earliest) {
		t.earliest = o.earliest
	}
	if o.latest.After(t.latest) {
		t.latest = o.latest
	}
}

// Rows are all rows, in the order of their keys.
func (t *Tally) Rows() []*Row {
	rows := make([]*Row, 0, len(t.rows))
	for _, r := range t.rows {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, compareRows)
	return rows
}

func compareRows(a, b *Row) int {
	return cmp.Or(
		cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Scheme, b.Scheme),
		a.Client.Compare(b.Client), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Decision, b.Decision),
		cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Rule, b.Rule),
	)
}

// Hours are the hours in which there were requests, in order.
func (t *Tally) Hours() []Hour {
	hours := make([]Hour, 0, len(t.hours))
	for _, h := range t.hours {
		hours = append(hours, *h)
	}
	slices.SortFunc(hours, func(a, b Hour) int { return a.Start.Compare(b.Start) })
	return hours
}
