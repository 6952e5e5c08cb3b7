package report

import (
	"encoding/json"
	"io"
	"net/netip"
	"time"

	"webproxy/audit"
)

// reportJSON is a report as data. Its names are those of the audit log's fields where they mean the same.
type reportJSON struct {
	Site       string         `json:"site"`
	Since      time.Time      `json:"since,omitzero"`
	Until      time.Time      `json:"until,omitzero"`
	Made       time.Time      `json:"made"`
	Integrity  string         `json:"integrity"`
	Broken     bool           `json:"broken"`
	Incomplete string         `json:"incomplete"`
	Records    uint64         `json:"records"`
	Unreadable uint64         `json:"unreadable"`
	Missing    uint64         `json:"missing"`
	First      time.Time      `json:"first,omitzero"`
	Last       time.Time      `json:"last,omitzero"`
	History    time.Time      `json:"history,omitzero"`
	Allowed    figureJSON     `json:"allow"`
	Denied     figureJSON     `json:"deny"`
	WouldDeny  figureJSON     `json:"would_deny"`
	Late       uint64         `json:"late"`
	BytesOut   uint64         `json:"bytes_out"`
	BytesIn    uint64         `json:"bytes_in"`
	Days       []audit.Hour   `json:"days"`
	NewHosts   []hostJSON     `json:"new_hosts"` // null if there is no history
	DeniedBy   []hostJSON     `json:"denied_hosts"`
	Learned    []hostJSON     `json:"learned_hosts"`
	AllowedTo  []hostJSON     `json:"allowed_hosts"`
	Clients    []clientJSON   `json:"clients"`
	DeniedTo   []clientJSON   `json:"denied_clients"`
	NewClients []clientJSON   `json:"new_clients"` // null as well
	Changes    []audit.Record `json:"changes"`
	System     []audit.Record `json:"system"`
	Lost       uint64         `json:"lost_events"`
	Unused     []ruleJSON     `json:"unused_rules"` // null if the rules are not known
	Expiring   []ruleJSON     `json:"expiring_rules"`
	Findings   []findingJSON  `json:"findings"`
	Others     uint64         `json:"others"` // rows that were counted together
	Spread     uint64         `json:"denied_by_client_only"`
}

type figureJSON struct {
	Requests uint64 `json:"requests"`
	Hosts    int    `json:"hosts"`
	Clients  int    `json:"clients"`
}

type hostJSON struct {
	Host        string       `json:"host"`
	Port        uint16       `json:"port"`
	Reason      string       `json:"reason"`
	Rules       []string     `json:"rules"`
	Requests    uint64       `json:"requests"`
	Clients     int          `json:"clients"`
	SomeClients []netip.Addr `json:"some_clients"` // five at most
	BytesOut    uint64       `json:"bytes_out"`
	BytesIn     uint64       `json:"bytes_in"`
	audit.Span
}

type clientJSON struct {
	Client   netip.Addr `json:"client"`
	Group    string     `json:"group"`
	Requests uint64     `json:"requests"`
	Hosts    int        `json:"hosts"`
	BytesOut uint64     `json:"bytes_out"`
	BytesIn  uint64     `json:"bytes_in"`
	audit.Span
}

type ruleJSON struct {
	Rule    string    `json:"rule"`
	Source  string    `json:"rule_src"`
	Entry   string    `json:"entry"`
	Last    time.Time `json:"last_used,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

type findingJSON struct {
	Rule   string `json:"rule"`
	Source string `json:"rule_src"`
	Text   string `json:"text"`
}

// WriteJSON writes the whole report as one JSON object. docs/reading.md names its members.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(&reportJSON{
		Site: r.Site, Since: r.Since, Until: r.Until, Made: r.Made, Integrity: r.IntegrityLine(), Broken: r.Broken,
		Incomplete: r.Incomplete(), Records: r.Stats.Records, Unreadable: r.Stats.Unreadable, Missing: r.Stats.Missing,
		First: r.Span.First, Last: r.Span.Last, History: r.History,
		Allowed: figureJSON(r.Allowed), Denied: figureJSON(r.Denied), WouldDeny: figureJSON(r.WouldDeny),
		Late: r.Late, BytesOut: r.BytesOut, BytesIn: r.BytesIn, Days: append([]audit.Hour{}, r.Days...),
		NewHosts: newOnes(r, r.NewHosts, hostOf), DeniedBy: all(r.DeniedHosts, hostOf), Learned: all(r.LearnedHosts, hostOf),
		AllowedTo: all(r.AllowedHosts, hostOf), Clients: all(r.Clients, clientOf), DeniedTo: all(r.DeniedClients, clientOf),
		NewClients: newOnes(r, r.NewClients, clientOf), Changes: append([]audit.Record{}, r.Changes...),
		System: append([]audit.Record{}, r.System...), Lost: r.Lost, Unused: r.ruleList(r.Unused), Expiring: r.ruleList(r.Expiring),
		Findings: all(r.Findings, func(f *Finding) findingJSON { return findingJSON(*f) }), Others: r.Overflow, Spread: r.Spread,
	})
}

// ruleList is null where the rules of the policy are not known, and an array elsewhere.
func (r *Report) ruleList(uses []RuleUse) []ruleJSON {
	if !r.HasRules {
		return nil
	}
	return all(uses, func(u *RuleUse) ruleJSON { return ruleJSON(*u) })
}

// all maps list with f; the result is never nil.
func all[T, J any](list []T, f func(*T) J) []J {
	out := make([]J, len(list))
	for i := range list {
		out[i] = f(&list[i])
	}
	return out
}

// newOnes is all, but nil if there is no history to compare with.
func newOnes[T, J any](r *Report, list []T, f func(*T) J) []J {
	if r.History.IsZero() {
		return nil
	}
	return all(list, f)
}

func hostOf(u *Use) hostJSON {
	return hostJSON{
		Host: u.Host, Port: u.Port, Reason: u.Reason, Rules: append([]string{}, u.Rules...), Requests: u.Requests, Clients: u.NClients,
		SomeClients: append([]netip.Addr{}, u.Clients...), BytesOut: u.BytesOut, BytesIn: u.BytesIn, Span: u.Span,
	}
}

func clientOf(u *Use) clientJSON {
	return clientJSON{
		Client: u.Client, Group: u.Group, Requests: u.Requests, Hosts: u.NHosts, BytesOut: u.BytesOut, BytesIn: u.BytesIn, Span: u.Span,
	}
}
