// Package fleet asks the logs of many sites, which are shipped to a VictoriaLogs, what the audit commands ask the log of one:
// it searches and counts records, says how each site is, replays a candidate policy, and publishes a bundle ring by ring.
//
// VictoriaLogs is asked only to find records that may be meant; each line that it returns is the record as the site wrote it,
// and is decoded and evaluated by package audit. So an answer depends on LogsQL for its speed alone. A record that was delivered
// twice counts once: a site's number names one record.
//
// What the servers answer is a stranger's: every answer is bounded in bytes and time.
package fleet
