package proxy

import (
	"time"

	"webproxy/audit"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// An Auditor keeps records. Append returns when the record will survive the end of the process; it
// fills in what the log assigns (the number, the time, and the id of a decision) and must not keep r.
// It is called by many goroutines at once. *audit.Log is one.
type Auditor interface {
	Append(r *audit.Record) error
}

// An Observer is told what a Server does, for metrics. Its methods are called by many goroutines at
// once, inside requests: they must be quick and must not block.
type Observer interface {
	// Decided is called for every decision, after it was recorded; took is how long it took to make.
	Decided(d policy.Decision, took time.Duration)
	// Dialled is called when a connection to an origin was opened, or could not be: err is then as
	// Egress.Open returned it.
	Dialled(r egress.Route, err error)
	// Ended is called at the end of every permitted request, with its close record, which must
	// not be kept.
	Ended(r *audit.Record)
	// AuditFailed is called when a record could not be written.
	AuditFailed(err error)
}

// unobserved is the Observer of a Server that has none.
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
	// InspectionMemory is what is taken of Options.InspectionMemory, in bytes.
	InspectionMemory int64
	// RateLimited are how often the limits on requests, on dials, and on bytes a second of a client applied since
	// the start, in this order.
	RateLimited [3]int64
	// InsideConns are the connections to origins from opened tunnels.
	InsideConns int
	// Reclaimed is how often something at rest was closed since the start because there was no descriptor left.
	Reclaimed int64
}
