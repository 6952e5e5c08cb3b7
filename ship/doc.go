// Package ship sends the records of the audit log to other machines as they are written: as syslog (RFC 5424 over TCP or
// TLS), or as OpenTelemetry logs (OTLP over HTTP), also to VictoriaLogs.
//
//	s, err := ship.New("siem", ship.ReceiverSpec{Syslog: "tls://siem.example.com:6514"}, log, logger)
//	...
//	s.Run(ctx) // when ctx is done, sends what is in the log, for a few seconds at most, and returns
//
// It reads the log's files, as audit tail does, and is not on the path of a request: a receiver that is slow or down does not
// delay requests. The position of each receiver in the log is in a file beside the log; it advances only when the receiver
// has what was sent. So after any outage, restart or crash every record is sent, in order, at least once; a record that is
// sent twice has the same seq. Records that a receiver cannot get any more, because their retention is over or because it
// refuses them, are counted, logged, and named in the log by a record of type system.ship.
//
// VictoriaLogs may lose records in a crash after it has acknowledged them. So they are looked for some time later, and sent
// again if they are not found (readback.go).
//
// Memory is bounded: a few thousand records, or some MiB, for each receiver. Run, its feed and its connection have a goroutine
// each; only Stats may be called by others.
package ship
