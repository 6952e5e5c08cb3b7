package ship

import (
	"maps"

	"webproxy/audit"
)

// AppendOTLP appends to b one OTLP request with these records and their lines of the log, as a proxy on that host sends it. It
// is for programs that simulate many sites, and for tests.
func AppendOTLP(b []byte, host, version string, records []audit.Record, lines []string) []byte {
	return AppendOTLPAs(b, "", host, version, records, lines)
}

// AppendOTLPAs is AppendOTLP for a proxy whose site has the given name, whatever the records say; empty for theirs.
func AppendOTLPAs(b []byte, site, host, version string, records []audit.Record, lines []string) []byte {
	items := make([]item, len(records))
	for i := range records {
		items[i] = item{record: records[i], line: lines[i]}
	}
	source := otlpSource{host: host, version: version, site: site}
	return source.appendRequest(b, items)
}

// VictoriaLogsHeaders returns the headers of requests to a VictoriaLogs, for the same programs. The map is the caller's.
func VictoriaLogsHeaders() map[string]string { return maps.Clone(victoriaLogsHeaders) }
