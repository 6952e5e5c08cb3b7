package audit

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"webproxy/policy"
)

// A client retrying a denied host must not fill the disk or bury other records. Within a window, the first few identical
// denials are recorded individually; the rest are aggregated into one egress.repeat record when the window ends. It has the
// id of the last one recorded individually, so whoever was told that id finds the decision, and how often it was repeated.
//
// A client that requests many different hosts (a scan) is aggregated by reason after scanAfter records; the decision that
// has the id says so. Permitted requests are never aggregated.

const (
	// scanAfter is how many denials of one client are recorded in a window before the rest are
	// counted by reason alone.
	scanAfter = 1000
	// maxAggregates and maxShares bound what is remembered. Beyond them, denials are recorded individually.
	maxAggregates = 8192
	maxShares     = 4096
	// scanHosts is the number up to which the different hosts of a scan are counted; scanSample of them are named.
	scanHosts  = 4096
	scanSample = 20
	// scanDetail is in the decision under whose id a scan is aggregated: the id in the response may belong to a
	// request for a different host.
	scanDetail = "more denials of this client for this reason are counted under this id, whatever their host"
)

// An aggregateKey says which denials are identical.
type aggregateKey struct {
	client netip.Addr
	host   string
	port   uint16
	reason string
	rule   string
	scan   bool // any host of the client, by any rule
}

// An aggregate counts identical denials.
type aggregate struct {
	began  time.Time // when its window began
	plain  int       // how many were recorded in the window
	id     string    // of the last of them
	seq    uint64
	repeat *Record             // those that were not recorded; nil if there are none
	hosts  map[string]struct{} // of a scan
}

// A clientShare is how many records a client has had in a window.
type clientShare struct {
	began time.Time
	plain int
}

// An aggregator holds the open aggregates of a Log. The mutex of the Log guards it.
type aggregator struct {
	window  time.Duration // negative: nothing is aggregated
	after   int
	open    map[aggregateKey]*aggregate
	clients map[netip.Addr]*clientShare
	pending uint64 // denials that were counted and are in no record yet
}

func newAggregator(o *Options) aggregator {
	return aggregator{window: time.Duration(o.AggregateWindow), after: o.AggregateAfter,
		open: map[aggregateKey]*aggregate{}, clients: map[netip.Addr]*clientShare{}}
}

// aggregates reports whether r may be counted rather than recorded.
func (f *aggregator) aggregates(r *Record) bool {
	return f.window > 0 && r.Type == TypeDecision && r.Decision == policy.Denied && r.ID == ""
}

// aggregate counts r if it repeats others, and then gives it the id and the number of the one that is recorded.
// Otherwise r is to be recorded individually, and recorded is to be called after that. The caller holds l.mu.
func (l *Log) aggregate(r *Record, now time.Time) (counted bool, recorded func()) {
	f := &l.aggregator
	key := aggregateKey{client: r.Client, host: r.Host, port: r.Port, reason: r.Reason, rule: r.Rule}
	same := l.current(f.open[key], now)
	if same != nil && (same.plain >= f.after || same.repeat != nil) {
		same.count(r, now)
		f.pending++
		return true, nil
	}
	client := f.clients[r.Client]
	if client != nil && now.Sub(client.began) >= f.window {
		*client = clientShare{began: now}
	}
	var scan *aggregate
	if client != nil && client.plain >= scanAfter {
		scanKey := aggregateKey{client: r.Client, reason: r.Reason, scan: true}
		if scan = l.current(f.open[scanKey], now); scan != nil && (scan.plain > 0 || scan.repeat != nil) {
			scan.countHost(r, now)
			f.pending++
			return true, nil
		}
		if scan = f.add(scanKey, scan, now); scan != nil {
			r.Detail = strings.TrimPrefix(r.Detail+"; "+scanDetail, "; ")
		}
	}
	if same == nil {
		key.host = strings.Clone(key.host)
	}
	same = f.add(key, same, now)
	if client == nil && len(f.clients) < maxShares {
		client = &clientShare{began: now}
		f.clients[r.Client] = client
	}
	return false, func() {
		for _, f := range []*aggregate{same, scan} {
			if f != nil {
				f.plain++
				f.id, f.seq = r.ID, r.Seq
			}
		}
		if client != nil {
			client.plain++
		}
	}
}

// current is f in the window of now. If its window is over, its count is written; if that fails, it goes on counting.
func (l *Log) current(f *aggregate, now time.Time) *aggregate {
	if f != nil && now.Sub(f.began) >= l.aggregator.window && l.writeRepeat(f, now) == nil {
		*f = aggregate{began: now}
	}
	return f
}

// add returns f or, if that is nil, a new aggregate, which is nil if there are too many.
func (f *aggregator) add(key aggregateKey, have *aggregate, now time.Time) *aggregate {
	if have != nil || len(f.open) >= maxAggregates {
		return have
	}
	added := &aggregate{began: now}
	f.open[key] = added
	return added
}

// count counts r.
func (f *aggregate) count(r *Record, now time.Time) {
	if f.repeat == nil {
		// Copies, since they may be a small part of a large request.
		c := *r
		c.Type, c.ID, c.Host, c.Method = TypeRepeat, f.id, strings.Clone(r.Host), strings.Clone(r.Method)
		c.Time, c.ClientPort, c.Path, c.Detail, c.PathEnforced = time.Time{}, 0, "", "", false
		c.First = now
		f.repeat = &c
	}
	f.repeat.Count++
	f.repeat.Last = now
	r.ID, r.Seq, r.V, r.Time = f.id, f.seq, Version, now.UTC().Truncate(time.Millisecond)
}

// countHost counts r as one of a scan.
func (f *aggregate) countHost(r *Record, now time.Time) {
	f.count(r, now)
	c := f.repeat
	c.Host, c.Port, c.Rule, c.RuleSource, c.ServiceTag, c.Phase = "", 0, "", "", "", ""
	if _, ok := f.hosts[r.Host]; ok || c.Hosts >= scanHosts {
		return
	}
	if f.hosts == nil {
		f.hosts = map[string]struct{}{}
	}
	host := strings.Clone(r.Host)
	f.hosts[host] = struct{}{}
	c.Hosts++
	if len(c.Sample) < scanSample {
		c.Sample = append(c.Sample, host)
	}
}

// writeRepeat writes the count of f, if there is one. The caller holds l.mu, and the log is ready.
func (l *Log) writeRepeat(f *aggregate, now time.Time) error {
	if f.repeat == nil {
		return nil
	}
	if err := l.write(f.repeat, now); err != nil {
		return err
	}
	l.aggregator.pending -= min(l.aggregator.pending, uint64(f.repeat.Count))
	f.repeat, f.hosts = nil, nil
	return nil
}

// flush writes the counts of windows that are over, or of all, and forgets these windows. A count that cannot be
// written stays. The caller holds l.mu, and the log is ready.
func (l *Log) flush(now time.Time, all bool) (err error) {
	for key, f := range l.aggregator.open {
		over := now.Sub(f.began) >= l.aggregator.window
		if all || over {
			if err = l.writeRepeat(f, now); err != nil {
				return err
			}
		}
		if over {
			delete(l.aggregator.open, key)
		}
	}
	for addr, c := range l.aggregator.clients {
		if now.Sub(c.began) >= l.aggregator.window {
			delete(l.aggregator.clients, addr)
		}
	}
	return nil
}

// flushOver writes the counts of windows that are over. Maintain calls it.
func (l *Log) flushOver() error {
	if !l.begun.Load() {
		return nil
	}
	for {
		err := l.tryFlush()
		if !errors.Is(err, errAhead) {
			return err
		}
		if err := l.lead(); err != nil {
			return err
		}
	}
}

func (l *Log) tryFlush() error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.aggregator.open) == 0 {
		return nil
	}
	err := l.ready(now)
	if err == nil {
		err = l.flush(now, false)
	}
	return err
}
