package ship

import "webproxy/audit"

// AppendOTLP appends to b one OTLP request with these records and their lines of the log, as a proxy on that host sends it. It
// is for programs that simulate many sites, and for tests.
func AppendOTLP(b []byte, host, version string, records []audit.Record, lines []string) []byte {
	items := make([]item, len(records))
	for i := range records {
		items[i] = item{record: records[i], line: lines[i]}
	}
	source := otlpSource{host: host, version: version}
	return source.appendRequest(b, items)
}
