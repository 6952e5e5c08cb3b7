package review

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/internal/wording"
	"webproxy/policy"
)

// ByID is the query for the records of a request by its id, which the client got in the response.
func ByID(id string) (*audit.Query, error) {
	return audit.ParseQuery(fmt.Sprintf("id = %s and type in (egress.decision, egress.repeat, egress.close)", quote(strings.ToUpper(id))))
}

// RefusedTo is the query for the refused requests of a client: its address, its name, or its client group.
func RefusedTo(client string) (*audit.Query, error) {
	return audit.ParseQuery(ofClient(client) + " and decision in (deny, would_deny)")
}

// ofClient is an expression for the records of a client: its address, a network, its name, or its client group.
func ofClient(client string) string {
	if addr, err := netip.ParseAddr(client); err == nil {
		return "client = " + quote(addr.String())
	}
	if net, err := netip.ParsePrefix(client); err == nil {
		return "client in " + net.String()
	}
	return fmt.Sprintf("(client_name = %[1]s or group = %[1]s)", quote(client))
}

// CountRequests counts the requests of a client in the log in dir from since on, aggregated ones included. The client is as for RefusedTo.
func CountRequests(dir, client string, since time.Time) (n uint64, err error) {
	q, err := audit.ParseQuery(ofClient(client) + " and type in (egress.decision, egress.repeat)")
	if err != nil {
		return 0, err
	}
	_, err = audit.Scan(dir, audit.ScanOptions{Since: since, Where: q}, func(r audit.Record) error {
		n++
		if r.Type == audit.TypeRepeat {
			n += uint64(max(r.Count, 1)) - 1
		}
		return nil
	})
	return n, err
}

// quote is s as a value of an expression.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// A Found is a request as the log has it.
type Found struct {
	audit.Record
	// late reports whether it was refused after its decision record, as its close record says.
	late bool
	// end is its close record; may be nil.
	end *audit.Record
	// repeats is how many further denials were aggregated under its id; last is the time of the last.
	repeats int64
	last    time.Time
}

// repeatedBy reports whether r aggregates further denials of the same request.
func (f *Found) repeatedBy(r *audit.Record) bool {
	return r.Type == audit.TypeRepeat && r.Hosts == 0 && f.Type == audit.TypeDecision && r.ID == f.ID && r.Host == f.Host
}

// ErrNotFound says that the log has no such request.
var ErrNotFound = errors.New("no such decision in the log")

// Find returns the last request in the log in dir that q matches, from since on, or ErrNotFound. The Stats say which parts of
// the log could not be read.
func Find(dir string, q *audit.Query, since time.Time, watch Watch) (Found, audit.Stats, error) {
	f := newFinder()
	o := audit.ScanOptions{Since: since, Where: q}
	var done func(*audit.Stats)
	o.Progress, done = watch.begin("searching")
	stats, err := audit.Scan(dir, o, func(r audit.Record) error {
		f.take(&r)
		return nil
	})
	done(&stats)
	if err == nil && f.found.Seq == 0 {
		err = ErrNotFound
	}
	return f.found, stats, err
}

// FindID is Find for the request with an id. With the public key of the log, which may be empty, it finds the place of the
// request without reading the whole log; if the request is not there, it reads the whole log.
func FindID(dir, public, id string, since time.Time, watch Watch) (Found, audit.Stats, error) {
	id = strings.ToUpper(id)
	if seq, ok := audit.SeqOf(public, id); ok && public != "" {
		progress, done := watch.begin("searching")
		records, stats, err := audit.Trace(dir, seq, id, progress)
		done(&stats)
		if err != nil {
			return Found{}, stats, err
		}
		f := newFinder()
		for i := range records {
			if !records[i].Time.Before(since) {
				f.take(&records[i])
			}
		}
		if f.found.Seq != 0 {
			return f.found, stats, nil
		}
	}
	q, err := ByID(id)
	if err != nil {
		return Found{}, audit.Stats{}, err
	}
	return Find(dir, q, since, watch)
}

// A finder takes the records of requests in the order of the log, and keeps the last request.
type finder struct {
	found Found
	open  *audit.Join[*Found]
}

func newFinder() *finder { return &finder{open: audit.NewJoin[*Found](1)} }

func (f *finder) take(r *audit.Record) {
	switch {
	case f.found.repeatedBy(r):
		f.found.repeats += r.Count
		f.found.last = r.Last
	case r.Type != audit.TypeClose:
		f.found = Found{Record: *r}
		f.open = audit.NewJoin[*Found](1)
		f.open.Opened(r, &f.found)
	default:
		if found, ok := f.open.Closed(r); ok {
			found.end, found.late = r, r.RefusedLate()
		} else if r.RefusedLate() { // its decision record was not read, or does not match q
			f.found = Found{Record: *r}
		}
	}
}

// Final returns the record with the final decision about the request.
func (f *Found) Final() *audit.Record {
	if f.late {
		return f.end
	}
	return &f.Record
}

// Times returns how often the same request was refused, at least 1, and when it last was.
func (f *Found) Times() (n int64, last time.Time) {
	switch r := f.Final(); {
	case r.Type == audit.TypeRepeat:
		return r.Count, r.Last
	case f.repeats > 0:
		return f.repeats + 1, f.last
	default:
		return 1, r.Time
	}
}

// Late reports whether the request was refused after it had been allowed: for the address of its host, or for the first bytes
// that the client sent into its tunnel.
func (f *Found) Late() bool { return f.late }

// End returns the close record of the request; may be nil.
func (f *Found) End() *audit.Record { return f.end }

// Headline is the request on one line.
func (f *Found) Headline(now time.Time) string {
	r := f.Final()
	group := r.Group
	if group == "" {
		group = "in no group"
	}
	client := audit.AddrText(r.Client)
	if r.ClientName != "" {
		client = r.ClientName + " (" + client + ", " + group + ")"
	} else {
		client += " (" + group + ")"
	}
	times := ""
	n, at := f.Times()
	if r.Type == audit.TypeRepeat || n > 1 {
		times = fmt.Sprintf("%d times, the last ", n)
	}
	word := map[policy.Outcome]string{policy.Allowed: "ALLOWED", policy.WouldDeny: "LET THROUGH (learn mode)"}[r.Decision]
	if word == "" {
		word = "DENIED"
	}
	return audit.Printable(fmt.Sprintf("%s %s%s ago  %s  %s %s%s   policy %s  seq %d  id %s",
		word, times, now.Sub(at).Round(time.Second), client, r.Method, RecordedTarget(r), r.Path,
		ShortDigest(f.Policy), r.Seq, r.ID))
}

// RecordedTarget is the host and port of a record, for people.
func RecordedTarget(r *audit.Record) string {
	switch {
	case r.Host == "" && r.Hosts > 0: // aggregated over hosts
		return wording.Plural(r.Hosts, "host")
	case r.Host == "":
		return "-"
	}
	if strings.Contains(r.Host, ":") {
		return fmt.Sprintf("[%s]:%d", r.Host, r.Port)
	}
	return fmt.Sprintf("%s:%d", r.Host, r.Port)
}

func recordedRule(r *audit.Record) string {
	switch {
	case r.Rule == "":
		return ""
	case r.RuleSource == "":
		return ": " + r.Rule
	}
	return fmt.Sprintf(": %s (%s)", r.Rule, r.RuleSource)
}

// ShortDigest is a policy's digest for people: shortened, and without the name of the hash.
func ShortDigest(digest string) string {
	return strings.TrimPrefix(policy.ShortDigest(digest), "sha256:")
}
