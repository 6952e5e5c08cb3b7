package audit

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"webproxy/policy"
)

// Version is the value of the field v. It is raised only by a change that would mislead a reader of the version
// before; a new field is no such change.
const Version = 1

// A Type says what a record is about. The words are a file format: add to them, never change one.
type Type string

const (
	TypeDecision Type = "egress.decision" // a request was decided; written before any byte leaves
	TypeClose    Type = "egress.close"    // it ended; has the id of its decision
	TypeRepeat   Type = "egress.repeat"   // a number of denials; written by Log itself
	TypeReload   Type = "admin.reload"    // another policy was installed, or refused
	TypeMode     Type = "admin.mode"      // a group's mode was changed
	TypePhase    Type = "admin.phase"     // a phase was switched on or off
	TypeApprove  Type = "admin.approve"   // proposals were approved or rejected
	TypeLockdown Type = "admin.lockdown"  // everything except named lists was refused, or that ended
	TypeUser     Type = "admin.user"      // somebody may log in to the dashboard, or no longer
	TypeLogin    Type = "admin.login"     // somebody logged in to the dashboard
	TypeLogout   Type = "admin.logout"
	// TypeLoginFailed is a login that failed, TypeLockout that somebody is locked out for a time.
	TypeLoginFailed Type = "admin.login_failed"
	TypeLockout     Type = "admin.lockout"
	TypeStart       Type = "system.start"
	TypeStop        Type = "system.stop"
	TypeGap         Type = "system.gap"    // records are missing here; written by Log itself
	TypeRetain      Type = "system.retain" // old records are deleted; written by Log itself
	TypeShip        Type = "system.ship"   // records that a receiver did not get, see package ship
)

// types are all types, the most frequent first.
var types = [...]Type{TypeDecision, TypeClose, TypeRepeat, TypeReload, TypeMode, TypePhase, TypeApprove, TypeLockdown,
	TypeUser, TypeLogin, TypeLogout, TypeLoginFailed, TypeLockout, TypeStart, TypeStop, TypeGap, TypeRetain, TypeShip}

// Types lists the types this package writes. A reader must expect others.
func Types() []Type { return slices.Clone(types[:]) }

// IsLogin reports whether t is about logins, not about what somebody decided.
func (t Type) IsLogin() bool {
	return t == TypeLogin || t == TypeLogout || t == TypeLoginFailed || t == TypeLockout
}

// known reports whether t is one of Types.
func (t Type) known() bool { return slices.Contains(types[:], t) }

// A Record is one line of the audit log: its fields are the log's fields, under the names of their tags.
// docs/audit.md describes them; a field that is not set is left out of the line, except where the table columns says
// that it is always written.
//
// Strings come from untrusted peers. Encoding bounds them, and makes them valid UTF-8 without bytes that a terminal
// would interpret; a string that was cut ends in "…".
type Record struct {
	V    int       `json:"v"`
	Type Type      `json:"type"`
	Time time.Time `json:"ts"`  // UTC, whole milliseconds
	Seq  uint64    `json:"seq"` // from 1, without gaps
	ID   string    `json:"id"`  // joins a close to its decision; shown to the client

	Site       string     `json:"site"`
	Client     netip.Addr `json:"client"`
	ClientPort uint16     `json:"client_port"`
	Group      string     `json:"group"`
	ClientName string     `json:"client_name"`

	Method string `json:"method"`
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	Port   uint16 `json:"port"`
	Path   string `json:"path"` // where it could be seen; a query is never written

	Decision   policy.Outcome `json:"decision"`
	Reason     string         `json:"reason"`
	Rule       string         `json:"rule"`
	RuleSource string         `json:"rule_src"`
	Policy     string         `json:"policy"` // digest of the policy that decided or, in a reload, was installed
	Mode       string         `json:"mode"`
	Phase      string         `json:"phase"`

	DstIP      netip.Addr `json:"dst_ip"`
	Upstream   string     `json:"upstream"` // the upstream proxy it went through
	ServiceTag string     `json:"service_tag"`
	OutsideTag bool       `json:"outside_tag"` // DstIP is not in ServiceTag
	SNI        string     `json:"sni"`
	TLS        string     `json:"tls"`  // the highest version offered, or "none"
	ALPN       string     `json:"alpn"` // protocols offered, comma between
	ECH        bool       `json:"ech"`
	JA4        string     `json:"ja4"`
	// PathEnforced is false if the rule names a path that could not be seen. It is written where a path was visible,
	// and where it is false for a request that went ahead; in a decision that lacks it, Decode sets it.
	PathEnforced bool `json:"path_enforced"`
	Inspected    bool `json:"inspected"`
	// Redirect is the other origin that the response to a plain HTTP request pointed to: scheme://host:port.
	Redirect string `json:"redirect"`

	Status   int           `json:"status"`     // HTTP status the client got
	Error    string        `json:"error"`      // word of RFC 9209, 2.3
	BytesOut int64         `json:"bytes_out"`  // client to origin
	BytesIn  int64         `json:"bytes_in"`   // origin to client
	Duration time.Duration `json:"dur_ms"`     // this and the next two: written in whole milliseconds,
	DNS      time.Duration `json:"dns_ms"`     // rounded up, so that only what took no time at all
	Connect  time.Duration `json:"connect_ms"` // (or was not done) is 0

	Count  int64     `json:"count"`  // denials that a repeat stands for
	First  time.Time `json:"first"`  // of them
	Last   time.Time `json:"last"`   // and the last
	Hosts  int       `json:"hosts"`  // different ones among them, where they are not of one host
	Sample []string  `json:"sample"` // some of these

	FirstSeq uint64 `json:"first_seq"` // the first record that is deleted, or was not shipped
	LastSeq  uint64 `json:"last_seq"`  // and the last

	Detail    string   `json:"detail"` // one sentence for people
	PolicyOld string   `json:"policy_old"`
	Added     []string `json:"added"`   // canonical entries; at most listLimit of them, the last then
	Removed   []string `json:"removed"` // saying how many more there were
	By        string   `json:"by"`
	Ticket    string   `json:"ticket"`
}

// A column is one field of the log: how it is found in a Record, and when it must be written.
type column struct {
	name   string
	always kinds             // records that have the field even when it is not set
	limit  int               // of a string, in bytes before escaping
	at     func(*Record) any // pointer to the field
}

// kinds is a set of kinds of records.
type kinds uint8

const (
	inDecision kinds = 1 << iota
	inClose
	inRepeat
	inEvent // admin.* and system.*
	inAll   = inDecision | inClose | inRepeat | inEvent
)

func (t Type) kind() kinds {
	switch t {
	case TypeDecision:
		return inDecision
	case TypeClose:
		return inClose
	case TypeRepeat:
		return inRepeat
	}
	return inEvent
}

// columns are the fields in the order in which they are written. A new field needs a field of Record, a row here, and
// a row in docs/audit.md.
var columns = [...]column{
	{"v", inAll, 0, func(r *Record) any { return &r.V }},
	{"type", inAll, 64, func(r *Record) any { return &r.Type }},
	{"ts", inAll, 0, func(r *Record) any { return &r.Time }},
	{"seq", inAll, 0, func(r *Record) any { return &r.Seq }},
	{"id", inDecision | inClose | inRepeat, 32, func(r *Record) any { return &r.ID }},
	{"site", 0, 64, func(r *Record) any { return &r.Site }},
	{"client", inDecision | inRepeat, 0, func(r *Record) any { return &r.Client }},
	{"client_port", inDecision, 0, func(r *Record) any { return &r.ClientPort }},
	{"group", inDecision, 64, func(r *Record) any { return &r.Group }},
	{"client_name", 0, 253, func(r *Record) any { return &r.ClientName }},
	{"method", inDecision, 32, func(r *Record) any { return &r.Method }},
	{"scheme", inDecision, 16, func(r *Record) any { return &r.Scheme }},
	{"host", inDecision, 253, func(r *Record) any { return &r.Host }},
	{"port", inDecision, 0, func(r *Record) any { return &r.Port }},
	{"path", 0, 2048, func(r *Record) any { return &r.Path }},
	{"decision", inDecision | inRepeat, 16, func(r *Record) any { return (*string)(&r.Decision) }},
	{"reason", inDecision | inRepeat, 32, func(r *Record) any { return &r.Reason }},
	{"rule", inDecision | inRepeat, 160, func(r *Record) any { return &r.Rule }},
	{"rule_src", inDecision, 512, func(r *Record) any { return &r.RuleSource }},
	{"policy", inDecision, 80, func(r *Record) any { return &r.Policy }},
	{"mode", inDecision, 16, func(r *Record) any { return &r.Mode }},
	{"phase", 0, 64, func(r *Record) any { return &r.Phase }},
	{"dst_ip", 0, 0, func(r *Record) any { return &r.DstIP }},
	{"upstream", 0, 64, func(r *Record) any { return &r.Upstream }},
	{"service_tag", 0, 128, func(r *Record) any { return &r.ServiceTag }},
	{"outside_tag", 0, 0, func(r *Record) any { return &r.OutsideTag }},
	{"sni", 0, 253, func(r *Record) any { return &r.SNI }},
	{"tls", 0, 16, func(r *Record) any { return &r.TLS }},
	{"alpn", 0, 128, func(r *Record) any { return &r.ALPN }},
	{"ech", 0, 0, func(r *Record) any { return &r.ECH }},
	{"ja4", 0, 64, func(r *Record) any { return &r.JA4 }},
	{"path_enforced", 0, 0, func(r *Record) any { return &r.PathEnforced }},
	{"inspected", 0, 0, func(r *Record) any { return &r.Inspected }},
	{"redirect", 0, 288, func(r *Record) any { return &r.Redirect }},
	{"status", inClose, 0, func(r *Record) any { return &r.Status }},
	{"error", 0, 64, func(r *Record) any { return &r.Error }},
	{"bytes_out", inClose, 0, func(r *Record) any { return &r.BytesOut }},
	{"bytes_in", inClose, 0, func(r *Record) any { return &r.BytesIn }},
	{"dur_ms", inClose, 0, func(r *Record) any { return &r.Duration }},
	{"dns_ms", 0, 0, func(r *Record) any { return &r.DNS }},
	{"connect_ms", 0, 0, func(r *Record) any { return &r.Connect }},
	{"count", inRepeat, 0, func(r *Record) any { return &r.Count }},
	{"first", inRepeat, 0, func(r *Record) any { return &r.First }},
	{"last", inRepeat, 0, func(r *Record) any { return &r.Last }},
	{"hosts", 0, 0, func(r *Record) any { return &r.Hosts }},
	{"sample", 0, 192, func(r *Record) any { return &r.Sample }},
	{"first_seq", 0, 0, func(r *Record) any { return &r.FirstSeq }},
	{"last_seq", 0, 0, func(r *Record) any { return &r.LastSeq }},
	{"detail", inEvent, 1024, func(r *Record) any { return &r.Detail }},
	{"policy_old", 0, 80, func(r *Record) any { return &r.PolicyOld }},
	{"added", 0, 320, func(r *Record) any { return &r.Added }},
	{"removed", 0, 320, func(r *Record) any { return &r.Removed }},
	{"by", 0, 256, func(r *Record) any { return &r.By }},
	{"ticket", 0, 256, func(r *Record) any { return &r.Ticket }},
}

const (
	// listLimit bounds the elements of a list such as added.
	listLimit = 200
	// lineLimit bounds a line, its newline included. The largest possible Record fits, whatever escapes its strings
	// need.
	lineLimit = 1 << 20
	// TimeLayout is RFC 3339 in UTC with milliseconds; every ts is of this one length.
	TimeLayout = "2006-01-02T15:04:05.000Z"
)

// Approver is who made a change, and for what ticket, for the end of a sentence.
func (r *Record) Approver() string {
	switch {
	case r.By != "" && r.Ticket != "":
		return fmt.Sprintf(" (%s, %s)", r.By, r.Ticket)
	case r.By+r.Ticket != "":
		return fmt.Sprintf(" (%s)", r.By+r.Ticket)
	}
	return ""
}
