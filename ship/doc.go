// Package ship sends the records of the audit log to other machines while they are written: as
// syslog (RFC 5424 over TCP or TLS), or as OpenTelemetry logs (OTLP over HTTP), to a VictoriaLogs too.
//
//	s, err := ship.New("siem", ship.ReceiverSpec{Syslog: "tls://siem.example.com:6514"}, log, logger)
//	...
//	s.Run(ctx) // returns after what was written by the time that ctx is done was sent, or a few seconds
//
// It reads the log's files, as audit tail does, and never stands between a request and its record: a
// receiver that is slow or gone costs a request nothing. Where each receiver is in the log is in a
// file beside the log; it moves on only when the receiver has what was sent. So after any outage,
// restart or crash every record is sent, in order, at least once; one that comes twice has the same
// seq. What a receiver cannot get any more, because the log's retention has overtaken it, or
// because it refuses it, is counted, logged, and stated in the log by a record of type system.ship.
//
// A VictoriaLogs acknowledges records that a crash of it then loses. So what was sent to it is looked for some time later, and
// sent again if it is not there (readback.go).
//
// Memory is bounded: a few thousand records, or some MiB, for each receiver.
package ship
