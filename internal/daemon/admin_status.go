package daemon

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"webproxy/audit"
	"webproxy/internal/adminsocket"
	"webproxy/policy"
)

// Status is the state of a running proxy.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"` // by the proxy's clock
	Ready   bool      `json:"ready"`
	Config  string    `json:"config"` // the file's path, absolute; empty for the built-in configuration
	Listen  []string  `json:"listen"`

	Policy   PolicyStatus    `json:"policy"`
	Lockdown *LockdownStatus `json:"lockdown,omitempty"` // nil without a lockdown
	Bundle   *BundleStatus   `json:"bundle,omitempty"`   // nil if no bundle is configured
	Groups   []GroupStatus   `json:"groups"`
	Phases   []PhaseStatus   `json:"phases"`
	Open     OpenStatus      `json:"open"`
	LastHour Window          `json:"last_hour"`
	Denied   []DeniedStatus  `json:"denied"` // from the last records, the most frequent first; at most 5
	// DeniedHosts is how many hosts were denied in the last hour, according to the last records.
	DeniedHosts int              `json:"denied_hosts"`
	Audit       AuditStatus      `json:"audit"`
	Receivers   []ReceiverStatus `json:"receivers"`
	Upstreams   []UpstreamStatus `json:"upstreams"`
	// Ending are entries that end within 30 days, the first to end first; at most 20 of EndingN.
	Ending  []EndingStatus `json:"ending"`
	EndingN int            `json:"ending_count"`
}

// PolicyStatus is of the policy in force.
type PolicyStatus struct {
	Digest  string    `json:"digest"`
	Since   time.Time `json:"since"`
	Entries int       `json:"entries"`
	// Problem is why the configuration on disk is not in force, Refused when it was refused; empty if it is in force.
	Problem string    `json:"problem,omitempty"`
	Refused time.Time `json:"refused,omitzero"`
	// NeedRestart names settings on disk that hold only after a restart.
	NeedRestart []string `json:"need_restart,omitempty"`
}

// LockdownStatus is the lockdown that is on.
type LockdownStatus struct {
	Only   []string  `json:"only"` // ids of the rules that stay allowed; empty if everything is refused
	Until  time.Time `json:"until,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text"` // all of it, for people
}

// GroupStatus is a client group.
type GroupStatus struct {
	Name string `json:"name"`
	Mode string `json:"mode"`
	// Learning is its state of learning; nil unless the group learns and LearningQuery was sent.
	Learning *LearningStatus `json:"learning,omitempty"`
}

// LearningStatus is the state of a group's learning.
type LearningStatus struct {
	State   string    `json:"state,omitempty"` // as learn.State; empty if it is not known yet
	Missing []string  `json:"missing"`         // what keeps it from being stable
	AsOf    time.Time `json:"as_of,omitzero"`
	Reading float64   `json:"reading,omitempty"` // the part of the log that has been read, 0 to 1, while it is read
	Problem string    `json:"problem,omitempty"` // why the log could not be read
}

// PhaseStatus is a phase of the policy.
type PhaseStatus struct {
	Name     string    `json:"name"`
	On       bool      `json:"on"`
	Until    time.Time `json:"until,omitzero"`
	Schedule string    `json:"schedule,omitempty"`
}

// OpenStatus is what is open now.
type OpenStatus struct {
	Connections int     `json:"connections"` // of clients
	Requests    int     `json:"requests"`
	Tunnels     int     `json:"tunnels"`
	PerSecond   float64 `json:"per_second"` // decisions in the last minute
}

// A Window counts the decisions of a recent time.
type Window struct {
	Seconds float64 `json:"seconds"` // its length: shorter soon after the start
	Outcomes
}

// DeniedStatus is a host that was denied lately.
type DeniedStatus struct {
	Host   string    `json:"host"`
	Port   uint16    `json:"port"`
	Reason string    `json:"reason"`
	Times  int64     `json:"times"`
	Client string    `json:"client"` // the last one
	Name   string    `json:"client_name,omitempty"`
	Group  string    `json:"group"`
	ID     string    `json:"id"` // of the last one, for webproxy why
	Last   time.Time `json:"last"`
	// Required is the list that requires the host, if the policy still denies it; may be empty.
	Required string `json:"required,omitempty"`
}

// AuditStatus is of the audit log.
type AuditStatus struct {
	Dir       string    `json:"dir"`
	LastSeq   uint64    `json:"last_seq"`
	Sealed    time.Time `json:"sealed,omitzero"` // when the last checkpoint was signed
	Bytes     int64     `json:"bytes"`
	Free      int64     `json:"free"` // bytes; -1 if the system does not tell
	Recording bool      `json:"recording"`
	Stalled   bool      `json:"stalled"`  // its disk does not respond
	OnError   string    `json:"on_error"` // refuse or continue
	// DaysLeft is for how many days the disk has room at the present rate; -1 if that is not known.
	DaysLeft int             `json:"days_left"`
	Verified *VerifiedStatus `json:"verified,omitempty"` // nil if no verification is known
}

// ReceiverStatus is a receiver that audit records are shipped to.
type ReceiverStatus struct {
	Name       string  `json:"name"`
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
	// Unconfirmed is how many of LagRecords were sent, and not yet found at a receiver that is read back.
	Unconfirmed int64 `json:"unconfirmed"`
	Errors      int64 `json:"errors"`
}

// UpstreamStatus is an upstream proxy.
type UpstreamStatus struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
}

// EndingStatus is an entry that ends soon.
type EndingStatus struct {
	Rule    string    `json:"rule"`
	Source  string    `json:"source"`
	Host    string    `json:"host"`
	Expires time.Time `json:"expires"`
}

const (
	// endingSoon is how long before their end entries are listed.
	endingSoon = 30 * 24 * time.Hour
	mostEnding = 20
	mostDenied = 5
	// statusPatience bounds each wait for a disk: for the last records, for the first one, for the state of learning.
	statusPatience = time.Second
)

// adminStatus is the handler of StatusPath.
func (d *daemon) adminStatus(r *adminsocket.Request) (any, error) {
	now, set, state, open := time.Now(), d.live.Load(), d.status.State(), d.proxy.Stats()
	st := Status{
		Version: d.version, PID: os.Getpid(), Started: d.began, Now: now, Config: d.cfg.Path, Listen: slices.Concat(d.cfg.Listen, d.cfg.ListenTLS.Listen),
		Ready:  state.Ready && !d.refusing(),
		Policy: PolicyStatus{Digest: set.Digest(), Since: state.Installed, Entries: set.Len(), Problem: state.Problem, NeedRestart: d.reloads.last().NeedRestart},
		Open:   OpenStatus{Connections: open.Connections, Requests: open.Requests, Tunnels: open.Tunnels},
		Groups: []GroupStatus{}, Phases: []PhaseStatus{}, Receivers: []ReceiverStatus{}, Upstreams: []UpstreamStatus{},
		Audit: d.auditStatus(r.Context()),
	}
	st.Denied, st.DeniedHosts = denied(d.recent(r.Context()), now.Add(-time.Hour))
	d.required.mark(d.current.Load(), st.Denied, now)
	if state.Problem != "" {
		st.Policy.Refused = state.Refused
	}
	for _, g := range set.Groups() {
		st.Groups = append(st.Groups, GroupStatus{Name: g.Name, Mode: g.Mode.String()})
	}
	if r.URL.Query().Has(LearningQuery) {
		d.learning(r.Context(), st.Groups)
	}
	for _, p := range set.Phases(now) {
		st.Phases = append(st.Phases, PhaseStatus{p.Name, p.On, p.Until, p.Schedule})
	}
	st.Bundle = d.bundleStatus()
	if l, on := set.Lockdown(now); on {
		st.Lockdown = &LockdownStatus{append([]string{}, l.Only...), l.Until, l.By, l.Reason, l.Text()}
	}
	count := d.metrics.outcomes.now()
	last, took := d.rates.within(time.Hour, now, count)
	st.LastHour = Window{Seconds: took.Seconds(), Outcomes: last}
	if last, took = d.rates.within(time.Minute, now, count); took > 0 {
		st.Open.PerSecond = float64(last.total()) / took.Seconds()
	}
	for _, s := range d.shippers {
		of := s.Stats()
		st.Receivers = append(st.Receivers, ReceiverStatus{of.Name, of.LagRecords, of.Lag.Seconds(), of.Unconfirmed, of.Errors})
	}
	up := d.metrics.upstreams()
	for _, name := range slices.Sorted(maps.Keys(up)) {
		st.Upstreams = append(st.Upstreams, UpstreamStatus{name, up[name]})
	}
	st.Ending, st.EndingN = ending(set, now)
	return st, nil
}

func (d *daemon) auditStatus(ctx context.Context) AuditStatus {
	used := d.audit.Usage()
	left, known := used.Days(d.begin.at(ctx, d.audit), time.Now())
	if !known {
		left = -1
	}
	return AuditStatus{
		DaysLeft: left, Verified: d.verified(),
		Dir: d.audit.Dir(), LastSeq: d.audit.LastSeq(), Sealed: d.audit.SealedAt(), Bytes: used.Bytes, Free: used.Free,
		Recording: d.proxy.Recording(), Stalled: d.audit.Stalled(), OnError: d.audit.OnError().String(),
	}
}

// recent returns the last records, the newest first; nil if they cannot be read at once.
func (d *daemon) recent(ctx context.Context) []audit.Record {
	if d.audit.Stalled() {
		return nil
	}
	records, _ := within(ctx, func() []audit.Record { return d.audit.Recent(1 << 10) }) // ends when the log's disk responds
	return records
}

// within calls get in a goroutine and waits for it for statusPatience. done is false if that was too short.
func within[T any](ctx context.Context, get func() T) (got T, done bool) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	result := make(chan T, 1)
	go func() { result <- get() }()
	select {
	case got = <-result:
		return got, true
	case <-ctx.Done():
		return got, false
	}
}

// A logBegin caches when the audit log begins. The zero value is ready to use. It is safe for concurrent use.
type logBegin struct {
	mu     sync.Mutex // guards what follows
	begin  time.Time
	looked time.Time // when begin was read
	asking bool
}

// beginEvery is how long a logBegin is valid: the log's oldest files are deleted.
const beginEvery = time.Hour

// at returns when the log begins; zero if it is not known, or if the disk does not respond at once. One call at a time reads the
// disk.
func (b *logBegin) at(ctx context.Context, log *audit.Log) time.Time {
	b.mu.Lock()
	known, ask := b.begin, !b.asking && !log.Stalled() && time.Since(b.looked) > beginEvery
	b.asking = b.asking || ask
	b.mu.Unlock()
	if !ask {
		return known
	}
	begin, done := within(ctx, func() time.Time {
		begin, err := audit.Began(log.Dir())
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asking = false
		if err == nil {
			b.begin, b.looked = begin, time.Now()
		}
		return b.begin
	})
	if !done {
		return known
	}
	return begin
}

// denied returns the hosts that were denied most often in records, which are sorted, the newest first, and the number of hosts that
// were denied since a time.
func denied(records []audit.Record, since time.Time) (most []DeniedStatus, hosts int) {
	type key struct {
		host   string
		port   uint16
		reason string
	}
	at := map[key]int{}
	lately := map[string]bool{}
	all := []DeniedStatus{}
	for i := range records {
		r := &records[i]
		times := int64(1)
		switch {
		case r.Decision != "deny" || r.Host == "":
			continue
		case r.Type == audit.TypeRepeat:
			times = r.Count
		case r.Type != audit.TypeDecision:
			continue
		}
		if !r.Time.Before(since) {
			lately[r.Host] = true
		}
		k := key{r.Host, r.Port, r.Reason}
		n, known := at[k]
		if !known {
			n = len(all)
			at[k] = n
			all = append(all, DeniedStatus{Host: r.Host, Port: r.Port, Reason: r.Reason, Client: r.Client.String(), Name: r.ClientName,
				Group: r.Group, ID: r.ID, Last: r.Time})
		}
		all[n].Times += times
	}
	slices.SortStableFunc(all, func(a, b DeniedStatus) int { return cmp.Compare(b.Times, a.Times) })
	return all[:min(len(all), mostDenied)], len(lately)
}

// ending returns the allow entries of set that end soon, and their number.
func ending(set *policy.Set, now time.Time) ([]EndingStatus, int) {
	all := []EndingStatus{}
	for r := range set.Expiring(now, now.Add(endingSoon)) {
		all = append(all, EndingStatus{r.Rule, r.Source, r.Host.String(), r.Expires})
	}
	slices.SortStableFunc(all, func(a, b EndingStatus) int { return a.Expires.Compare(b.Expires) })
	return all[:min(len(all), mostEnding)], len(all)
}
