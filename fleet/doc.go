// Package fleet queries the logs of many sites, which they ship to a VictoriaLogs, as the audit commands query the log of
// one: it searches and counts records, reports the state of each site, replays a candidate policy, and publishes a bundle ring by ring.
//
// VictoriaLogs only preselects records. Each line that it returns is the record as the site wrote it,
// and package audit decodes and evaluates it. So LogsQL affects the speed of a result, but not its content. A record that was delivered
// twice counts once: site and number identify a record.
//
// Responses of the server are not trusted: each is bounded in bytes and time.
package fleet
