package ship

import (
	"cmp"
	"net/netip"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"webproxy/audit"
)

// This file writes ExportLogsServiceRequest of the OpenTelemetry protocol, version 1, field by field: the
// few messages that logs need are small, and their numbers never change.
// See opentelemetry/proto/{collector/logs,logs,common,resource}/v1.
const (
	requestResourceLogs = 1

	resourceLogsResource  = 1
	resourceLogsScopeLogs = 2
	resourceAttributes    = 1
	scopeLogsScope        = 1
	scopeLogsRecords      = 2
	scopeName             = 1
	scopeVersion          = 2

	recordTime         = 1 // fixed64, nanoseconds
	recordSeverity     = 2
	recordSeverityText = 3
	recordBody         = 5
	recordAttributes   = 6
	recordObserved     = 11 // as recordTime
	recordEventName    = 12

	keyValueKey   = 1
	keyValueValue = 2
	valueString   = 1
	valueInt      = 3
)

// An otlpSource is the sender: the Resource and the InstrumentationScope of each request.
type otlpSource struct {
	host    string
	version string // of webproxy; may be empty
	site    string // if not empty, the site of all records, also of older ones with another site
}

// appendRequest appends items as one request.
func (s *otlpSource) appendRequest(b []byte, items []item) []byte {
	var resource, scope []byte
	resource = appendString(resource, resourceAttributes, "service.name", "webproxy")
	resource = appendString(resource, resourceAttributes, "service.version", s.version)
	resource = appendString(resource, resourceAttributes, "host.name", s.host)
	scope = appendField(scope, scopeName, "webproxy/audit")
	scope = appendField(scope, scopeVersion, s.version)

	logs := appendBytes(nil, scopeLogsScope, scope)
	var record []byte
	for i := range items {
		record = s.appendRecord(record[:0], &items[i])
		logs = appendBytes(logs, scopeLogsRecords, record)
	}
	all := appendBytes(nil, resourceLogsResource, resource)
	all = appendBytes(all, resourceLogsScopeLogs, logs)
	return appendBytes(b, requestResourceLogs, all)
}

// otlpSeverities are SeverityNumber and its text.
var otlpSeverities = map[severity]struct {
	number uint64
	text   string
}{sevError: {17, "ERROR"}, sevWarning: {13, "WARN"}, sevNotice: {10, "INFO2"}, sevInfo: {9, "INFO"}}

// appendRecord appends i as a LogRecord. Its body is the line of the log, byte for byte; the attributes are for searching, and
// are named as in OpenTelemetry's semantic conventions, where these have a name. docs/shipping.md lists them.
func (s *otlpSource) appendRecord(b []byte, i *item) []byte {
	r := &i.record
	at := uint64(max(r.Time.UnixNano(), 0))
	sev := otlpSeverities[severityOf(r)]
	b = appendFixed(b, recordTime, at)
	b = appendFixed(b, recordObserved, at)
	b = protowire.AppendTag(b, recordSeverity, protowire.VarintType)
	b = protowire.AppendVarint(b, sev.number)
	b = appendField(b, recordSeverityText, sev.text)
	b = appendBytes(b, recordBody, appendField(nil, valueString, i.line))
	b = appendField(b, recordEventName, string(r.Type))
	b = appendString(b, recordAttributes, "webproxy.type", string(r.Type))
	b = appendInt(b, "webproxy.seq", int64(r.Seq))
	b = appendString(b, recordAttributes, "webproxy.site", cmp.Or(s.site, r.Site))
	if i.checkpoint != nil {
		return b
	}
	if s.site != "" && s.site != r.Site {
		b = appendString(b, recordAttributes, "webproxy.renamed", "true")
	}
	return appendAttributes(b, r)
}

func appendAttributes(b []byte, r *audit.Record) []byte {
	for _, a := range []struct{ key, value string }{
		{"webproxy.id", r.ID},
		{"webproxy.group", r.Group},
		{"webproxy.decision", string(r.Decision)},
		{"webproxy.reason", r.Reason},
		{"webproxy.rule", r.Rule},
		{"webproxy.policy", r.Policy},
		{"webproxy.mode", r.Mode},
		{"client.address", addr(r.Client)},
		{"http.request.method", r.Method},
		{"url.scheme", r.Scheme},
		{"url.path", r.Path},
		{"server.address", r.Host},
		{"network.peer.address", addr(r.DstIP)},
		{"tls.client.server_name", r.SNI},
		{"error.type", r.Error},
	} {
		b = appendString(b, recordAttributes, a.key, a.value)
	}
	for _, a := range []struct {
		key   string
		value int64
	}{
		{"client.port", int64(r.ClientPort)},
		{"server.port", int64(r.Port)},
		{"http.response.status_code", int64(r.Status)},
		{"webproxy.bytes_out", r.BytesOut},
		{"webproxy.bytes_in", r.BytesIn},
		{"webproxy.dur_ms", int64((r.Duration + time.Millisecond - 1) / time.Millisecond)},
		{"webproxy.count", r.Count},
	} {
		if a.value > 0 {
			b = appendInt(b, a.key, a.value)
		}
	}
	return b
}

func addr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// appendString appends a KeyValue; nothing if the value is empty.
func appendString(b []byte, field protowire.Number, key, value string) []byte {
	if value == "" {
		return b
	}
	kv := appendField(nil, keyValueKey, key)
	kv = appendBytes(kv, keyValueValue, appendField(nil, valueString, value))
	return appendBytes(b, field, kv)
}

// appendInt appends an attribute of a record.
func appendInt(b []byte, key string, value int64) []byte {
	number := protowire.AppendVarint(protowire.AppendTag(nil, valueInt, protowire.VarintType), uint64(value))
	kv := appendField(nil, keyValueKey, key)
	kv = appendBytes(kv, keyValueValue, number)
	return appendBytes(b, recordAttributes, kv)
}

func appendField(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendBytes(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

func appendFixed(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), n)
}
