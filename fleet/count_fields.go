package fleet

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"webproxy/audit"
	"webproxy/policy"
)

// countFields are the fields by which VictoriaLogs can group, by name: they have few values. Each sets that of a record to the text
// of the field's countAttribute.
var countFields = map[string]func(r *audit.Record, text string) error{
	"site":     textField(func(r *audit.Record) *string { return &r.Site }),
	"type":     textField(func(r *audit.Record) *audit.Type { return &r.Type }),
	"group":    textField(func(r *audit.Record) *string { return &r.Group }),
	"decision": textField(func(r *audit.Record) *policy.Outcome { return &r.Decision }),
	"reason":   textField(func(r *audit.Record) *string { return &r.Reason }),
	"rule":     textField(func(r *audit.Record) *string { return &r.Rule }),
	"policy":   textField(func(r *audit.Record) *string { return &r.Policy }),
	"mode":     textField(func(r *audit.Record) *string { return &r.Mode }),
	"method":   textField(func(r *audit.Record) *string { return &r.Method }),
	"scheme":   textField(func(r *audit.Record) *string { return &r.Scheme }),
	"host":     exactField(func(r *audit.Record) *string { return &r.Host }), // no number: policy.ParseTarget
	"sni":      textField(func(r *audit.Record) *string { return &r.SNI }),
	"error":    textField(func(r *audit.Record) *string { return &r.Error }),
	"client":   addressField(func(r *audit.Record) *netip.Addr { return &r.Client }),
	"dst_ip":   addressField(func(r *audit.Record) *netip.Addr { return &r.DstIP }),
	"port":     numberField(16, func(r *audit.Record, n uint64) { r.Port = uint16(n) }),
	"status":   numberField(31, func(r *audit.Record, n uint64) { r.Status = int(n) }),
}

// countAttribute is the attribute of a field of countFields.
func countAttribute(field string) string {
	if field == "site" {
		return "webproxy.site" // who delivered; a record that says otherwise is not counted by it
	}
	return attributes[field]
}

// exactField is a field that VictoriaLogs returns as it was sent.
func exactField[T ~string](at func(*audit.Record) *T) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		*at(r) = T(text)
		return nil
	}
}

// textField is a field that may look like a number, and VictoriaLogs may have returned another text then: see numeric.
func textField[T ~string](at func(*audit.Record) *T) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		*at(r) = T(text)
		if numeric(text) {
			return errInexact
		}
		return nil
	}
}

func addressField(at func(*audit.Record) *netip.Addr) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) (err error) {
		if text != "" {
			*at(r), err = netip.ParseAddr(text)
		}
		return err
	}
}

func numberField(bits int, set func(*audit.Record, uint64)) func(*audit.Record, string) error {
	return func(r *audit.Record, text string) error {
		n, err := strconv.ParseUint(cmp.Or(text, "0"), 10, bits)
		set(r, n)
		return err
	}
}

// countKey is what VictoriaLogs must group by, so that q can be evaluated and records counted by by for each of its groups. ok
// is false if there is more to them than attributes of few values.
func countKey(q *audit.Query, by *audit.Grouping) (fields []string, bucket string, ok bool) {
	fields = []string{"type", "decision"}
	for _, name := range slices.Concat(q.Fields(), by.Names()) {
		switch {
		case name == "hour":
			bucket = "1h"
		case name == "day":
			bucket = cmp.Or(bucket, "1d")
		case countFields[name] == nil:
			return nil, "", false
		case !slices.Contains(fields, name):
			fields = append(fields, name)
		}
	}
	return fields, bucket, true
}

var errInexact = errors.New("VictoriaLogs may have altered a value")

// exactNumber reads a number that LogsQL has not rounded; ok is false if it may have.
func exactNumber(text string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n < exactNumbers
}

// exactSum reads a sum of n numbers of which one is the greatest; ok is false if LogsQL may have rounded it. None of the numbers may
// be there.
func exactSum(sum, most string, n uint64) (total uint64, ok bool) {
	if most == "" {
		return 0, true
	}
	greatest, ok := exactNumber(most)
	if !ok || greatest > 1<<62/max(n, 1) { // beyond that a sum could begin anew
		return 0, false
	}
	return exactNumber(sum)
}
