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

// ByID is the query for a request by the id that the client was told.
func ByID(id string) (*audit.Query, error) {
	return audit.ParseQuery(fmt.Sprintf("id = %s and type in (egress.decision, egress.repeat, egress.close)", quote(strings.ToUpper(id))))
}

// RefusedTo is the query for the refused requests of a client: its address, its name, or its client group.
func RefusedTo(client string) (*audit.Query, error) {
	return audit.ParseQuery(ofClient(client) + " and decision in (deny, would_deny)")
}

// ofClient is the condition that a record is of a client: its address, a network, its name, or its client group.
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
	// late is its close record, if that says what the decision record could not: that it was refused when
	// its address was known.
	late bool
	// end is its close record, nil if it has none.
	end *audit.Record
	// repeats is how many more there were like it, which were counted under its id; last is the time of the last.
	repeats int64
	last    time.Time
}

// repeatedBy reports whether r counts more denials of the same request.
func (f *Found) repeatedBy(r *audit.Record) bool {
	return r.Type == audit.TypeRepeat && r.Hosts == 0 && f.Type == audit.TypeDecision && r.ID == f.ID && r.Host == f.Host
}

// ErrNotFound says that no request of the log was meant.
var ErrNotFound = errors.New("no such decision in the log")

// Find returns the last request that q matches of the log in dir, from since on. It returns ErrNotFound if there is none;
// what of the log could not be read, where the one that was wanted may be, is in the Stats.
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

// FindID is Find for the request that has an id. The public key of the log, which may be empty, says where in the log that is, so
// that little of it need be read; only if it is not there, all is.
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

// A finder makes a Found of the records about requests, in the order of the log: of the last of them.
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
		} else if r.RefusedLate() { // its decision record is before what is read, or does not match q
			f.found = Found{Record: *r}
		}
	}
}

// Final is the record that has the last word on the request.
func (f *Found) Final() *audit.Record {
	if f.late {
		return f.end
	}
	return &f.Record
}

// Times is how often the same request was refused, or 1, and when the last time was.
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

// Late reports whether the request was refused after it had been allowed: for the address of its name, or for what the client
// sent into its tunnel.
func (f *Found) Late() bool { return f.late }

// End is the record of the request's end; nil if it has none.
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
	case r.Host == "" && r.Hosts > 0: // counted, whatever the host
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

// ShortDigest is a policy's digest as people are shown it in a line, without the name of the hash.
func ShortDigest(digest string) string {
	return strings.TrimPrefix(policy.ShortDigest(digest), "sha256:")
}
