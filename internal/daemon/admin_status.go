package daemon

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"webproxy/audit"
	"webproxy/internal/adminsocket"
	"webproxy/policy"
)

// Status is what a running proxy tells of itself.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"` // by the proxy's clock
	Ready   bool      `json:"ready"`
	Config  string    `json:"config"` // the file's path, absolute; empty for the built-in configuration
	Listen  []string  `json:"listen"`

	Policy    PolicyStatus     `json:"policy"`
	Lockdown  *LockdownStatus  `json:"lockdown,omitempty"` // nil if none is on
	Bundle    *BundleStatus    `json:"bundle,omitempty"`   // nil if none is configured
	Groups    []GroupStatus    `json:"groups"`
	Phases    []PhaseStatus    `json:"phases"`
	Open      OpenStatus       `json:"open"`
	LastHour  Window           `json:"last_hour"`
	Denied    []DeniedStatus   `json:"denied"` // of the last records, the most frequent first; at most 5
	Audit     AuditStatus      `json:"audit"`
	Receivers []ReceiverStatus `json:"receivers"`
	Upstreams []UpstreamStatus `json:"upstreams"`
	// Ending are entries that end within 30 days, the first to end first; at most 20 of EndingN.
	Ending  []EndingStatus `json:"ending"`
	EndingN int            `json:"ending_count"`
}

// PolicyStatus is of the policy in force.
type PolicyStatus struct {
	Digest  string    `json:"digest"`
	Since   time.Time `json:"since"`
	Entries int       `json:"entries"`
	// Problem is why the configuration on disk is not in force, Refused when that was found; empty if it is.
	Problem string    `json:"problem,omitempty"`
	Refused time.Time `json:"refused,omitzero"`
	// NeedRestart names settings on disk that hold only after a restart.
	NeedRestart []string `json:"need_restart,omitempty"`
}

// LockdownStatus is the lockdown that is on.
type LockdownStatus struct {
	Only   []string  `json:"only"` // ids of the rules that are spared; none if everything is refused
	Until  time.Time `json:"until,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text"` // all of it, for people
}

// GroupStatus is a client group.
type GroupStatus struct {
	Name string `json:"name"`
	Mode string `json:"mode"`
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

// A Window is what was decided in the last time.
type Window struct {
	Seconds float64 `json:"seconds"` // how long that is: less than wanted just after the start
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
}

// AuditStatus is of the audit log.
type AuditStatus struct {
	Dir       string    `json:"dir"`
	LastSeq   uint64    `json:"last_seq"`
	Sealed    time.Time `json:"sealed,omitzero"` // when the last checkpoint was signed
	Bytes     int64     `json:"bytes"`
	Free      int64     `json:"free"` // bytes; -1 if the system does not tell
	Recording bool      `json:"recording"`
	Stalled   bool      `json:"stalled"`  // its disk does not answer
	OnError   string    `json:"on_error"` // refuse or continue
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
	// endingSoon is when entries are listed before their end.
	endingSoon = 30 * 24 * time.Hour
	mostEnding = 20
	mostDenied = 5
	// recentPatience bounds the wait for the last records: the log's memory of them is locked while its disk is waited for.
	recentPatience = time.Second
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
		Audit:  d.auditStatus(),
		Denied: denied(d.recent(r.Context())),
	}
	if state.Problem != "" {
		st.Policy.Refused = state.Refused
	}
	for _, g := range set.Groups() {
		st.Groups = append(st.Groups, GroupStatus{g.Name, g.Mode.String()})
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

func (d *daemon) auditStatus() AuditStatus {
	used := d.audit.Usage()
	return AuditStatus{
		Dir: d.audit.Dir(), LastSeq: d.audit.LastSeq(), Sealed: d.audit.SealedAt(), Bytes: used.Bytes, Free: used.Free,
		Recording: d.proxy.Recording(), Stalled: d.audit.Stalled(), OnError: d.audit.OnError().String(),
	}
}

// recent are the last records, the newest first; none if the log does not give them at once.
func (d *daemon) recent(ctx context.Context) []audit.Record {
	if d.audit.Stalled() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recentPatience)
	defer cancel()
	got := make(chan []audit.Record, 1)
	go func() { got <- d.audit.Recent(1 << 10) }() // ends when the log's disk answers
	select {
	case records := <-got:
		return records
	case <-ctx.Done():
		return nil
	}
}

// denied are the hosts that were denied most often in records, which are sorted from the newest on.
func denied(records []audit.Record) []DeniedStatus {
	type key struct {
		host   string
		port   uint16
		reason string
	}
	at := map[key]int{}
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
	return all[:min(len(all), mostDenied)]
}

// ending are the allows of set that end soon.
func ending(set *policy.Set, now time.Time) ([]EndingStatus, int) {
	all := []EndingStatus{}
	for r := range set.Expiring(now, now.Add(endingSoon)) {
		all = append(all, EndingStatus{r.Rule, r.Source, r.Host.String(), r.Expires})
	}
	slices.SortStableFunc(all, func(a, b EndingStatus) int { return a.Expires.Compare(b.Expires) })
	return all[:min(len(all), mostEnding)], len(all)
}
