// Package audit keeps the audit log: what was requested of the proxy, what was decided and why, and how it ended. One
// [Record] is one line of JSON; docs/audit.md describes every field.
//
// The log guarantees that a record whose Append returned nil is in the kernel: it survives the end of the process
// and, after at most one sync interval, that of the machine. Nothing is queued, so nothing is dropped. Sequence
// numbers have no gaps and continue after a restart. Records that were lost or cut nevertheless are stated in a
// record of its own, system.gap.
//
//	log, err := audit.Open(audit.Options{Dir: "audit"})
//	...
//	defer log.Close()
//	go log.Maintain(ctx, report) // syncs, compresses and deletes; the caller waits for it
//	err = log.Append(&audit.Record{Type: audit.TypeStart, Detail: "webproxy 1.0 started"})
//	...
//	stats, err := audit.Scan("audit", audit.ScanOptions{}, func(r audit.Record) error { ... })
//
// The package never changes what is written: it appends, renames, compresses and, after the retention time, deletes.
// It knows no rules and decides nothing.
package audit
