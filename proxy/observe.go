package proxy

import (
	"time"

	"webproxy/audit"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// An Auditor keeps records. Append returns when the record will survive the end of the process. It fills in what the
// log assigns (the number, the time, and the id of a decision) and must not keep r. It must be safe for concurrent
// use. *audit.Log is one.
type Auditor interface {
	Append(r *audit.Record) error
}

// An Observer is told what a Server does, for metrics. Its methods are called concurrently, inside requests: they
// must be quick and must not block.
type Observer interface {
	// Decided is called for every decision, after it was recorded. took is how long deciding took.
	Decided(d policy.Decision, took time.Duration)
	// Dialled is called when a connection to an origin was opened, or could not be: then err is what Egress.Open
	// returned.
	Dialled(r egress.Route, err error)
	// Ended is called at the end of every permitted request, with its close record, which must
	// not be kept.
	Ended(r *audit.Record)
	// AuditFailed is called when a record could not be written.
	AuditFailed(err error)
}

// unobserved is the Observer of a Server without one.
type unobserved struct{}

func (unobserved) Decided(policy.Decision, time.Duration) {}
func (unobserved) Dialled(egress.Route, error)            {}
func (unobserved) Ended(*audit.Record)                    {}
func (unobserved) AuditFailed(error)                      {}

// Stats are what a Server has open at one moment.
type Stats struct {
	Connections int // of clients
	Requests    int // in progress, without tunnels
	Tunnels     int
	// InspectionMemory is how many bytes of Options.InspectionMemory are in use.
	InspectionMemory int64
	// RateLimited is how often the limits on a client's requests, dials and bytes a second have applied since the
	// start, in this order.
	RateLimited [3]int64
	// InsideConns is the number of connections to origins from inspected tunnels.
	InsideConns int
	// Reclaimed is how often, since the start, something idle was closed because no descriptor was left.
	Reclaimed int64
}
