package audit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"webproxy/policy"
)

// zapEncoder encodes records by zap's encoder of JSON: appendLine must write the same bytes.
type zapEncoder struct {
	json    zapcore.Encoder
	fields  [1]zapcore.Field
	record  *Record
	scratch [64]byte
}

func newZapEncoder() *zapEncoder {
	e := &zapEncoder{json: zapcore.NewJSONEncoder(zapcore.EncoderConfig{})}
	e.fields[0] = zap.Inline(e)
	return e
}

// encode returns r as a line with its newline. The caller frees the buffer.
func (e *zapEncoder) encode(r *Record) (*buffer.Buffer, error) {
	e.record = r
	line, err := e.json.EncodeEntry(zapcore.Entry{}, e.fields[:])
	e.record = nil
	return line, err
}

// MarshalLogObject implements zapcore.ObjectMarshaler for the record being encoded.
func (e *zapEncoder) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	r := e.record
	kind := r.Type.kind()
	for i := range columns {
		c := &columns[i]
		e.add(enc, c, c.at(r), c.always&kind != 0)
	}
	return nil
}

// add writes one field unless it is not set and need not be there.
func (e *zapEncoder) add(enc zapcore.ObjectEncoder, c *column, field any, always bool) {
	switch v := field.(type) {
	case *string:
		if *v != "" || always {
			enc.AddString(c.name, c.clean(*v))
		}
	case *uint16:
		if *v != 0 || always {
			enc.AddUint16(c.name, *v)
		}
	case *uint64:
		if *v != 0 || always {
			enc.AddUint64(c.name, *v)
		}
	case *int:
		if *v > 0 || always {
			enc.AddInt(c.name, max(*v, 0))
		}
	case *int64:
		if *v > 0 || always {
			enc.AddInt64(c.name, max(*v, 0))
		}
	case *time.Duration:
		if *v > 0 || always {
			enc.AddInt64(c.name, Milliseconds(*v))
		}
	case *bool:
		if e.record.shows(c, *v) {
			enc.AddBool(c.name, *v)
		}
	case *netip.Addr:
		if v.IsValid() || always {
			enc.AddByteString(c.name, e.address(*v))
		}
	case *time.Time:
		if !v.IsZero() || always {
			enc.AddByteString(c.name, appendTime(e.scratch[:0], v.UTC()))
		}
	case *Type:
		enc.AddString(c.name, c.clean(string(*v)))
	case *[]string:
		if len(*v) > 0 {
			enc.AddArray(c.name, zapList{c, *v})
		}
	default:
		panic(fmt.Sprintf("audit: column %s: no encoding for %T", c.name, field))
	}
}

// address is a without a zone, which means something on one machine only, and an IPv4 address
// in the form everybody searches for. It is valid until the next call.
func (e *zapEncoder) address(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	return a.Unmap().WithZone("").AppendTo(e.scratch[:0])
}

// A zapList is a field of several strings.
type zapList struct {
	column *column
	items  []string
}

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (l zapList) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	items, more := l.items, 0
	if len(items) > listLimit {
		more = len(items) - (listLimit - 1)
		items = items[:listLimit-1]
	}
	for _, s := range items {
		enc.AppendString(l.column.clean(s))
	}
	if more > 0 {
		enc.AppendString(fmt.Sprintf("… and %d more", more))
	}
	return nil
}

// hostileTexts are what clients, origins and files may put into a record.
var hostileTexts = []string{
	"", "a", "example.com", `quote " and \ backslash`, "new\nline\r\t\x00\x01\x1f\x7f", "\b\f\v", "ümläut", "\u202e turned", "\u2028\u2029",
	"\xff\xfe", "a\xe2\x82", "€\xe2\x82€", "\ufffd", "<script>&'", "\x80", "\u0085", "😀", "/path?secret=1", "/%41/../\\x", strings.Repeat("x", 16),
	strings.Repeat("y", 3000), strings.Repeat("é", 2000), strings.Repeat("\x01", 5000), strings.Repeat("a", 252) + "é", strings.Repeat("\"", 253),
	"http://user:pass@host/p?q", "http://user:p\"a@host/",
}

// fill sets the fields of r as the choices say, of which it takes one for each.
func fill(r *Record, choose func(n int) int) {
	texts := func() string { return hostileTexts[choose(len(hostileTexts))] }
	for _, c := range columns {
		switch v := c.at(r).(type) {
		case *string:
			*v = texts()
		case *Type:
			*v = slices.Concat(types[:], []Type{"", "odd \"type\"\xff"})[choose(len(types)+2)]
		case *uint16:
			*v = []uint16{0, 1, 443, 65535}[choose(4)]
		case *uint64:
			*v = []uint64{0, 1, 1 << 40, 1<<64 - 1}[choose(4)]
		case *int:
			*v = []int{-1, 0, 1, 200, 1 << 40}[choose(5)]
		case *int64:
			*v = []int64{-1 << 63, -1, 0, 1, 1<<63 - 1}[choose(5)]
		case *time.Duration:
			*v = []time.Duration{-1, 0, 1, time.Millisecond, time.Millisecond + 1, time.Hour, 1<<63 - 1}[choose(7)]
		case *bool:
			*v = choose(2) == 1
		case *netip.Addr:
			*v = []netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("2001:db8::1"),
				netip.MustParseAddr("fe80::1%eth\"0"), netip.IPv6Unspecified()}[choose(6)]
		case *time.Time:
			zone := time.FixedZone("", 3600)
			*v = []time.Time{{}, time.Unix(0, 0), time.Date(2026, 12, 1, 2, 3, 4, 5678901, time.UTC), time.Date(2026, 1, 1, 0, 30, 0, 999999999, zone),
				time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, zone)}[choose(7)]
		case *[]string:
			*v = nil
			for range []int{0, 1, 2, listLimit, listLimit + 1, listLimit + 5}[choose(6)] {
				*v = append(*v, texts())
			}
		default:
			panic(fmt.Sprintf("column %s: %T", c.name, v))
		}
	}
}

// compareEncoders fails if r's line is not what zap makes of it.
func compareEncoders(t *testing.T, z *zapEncoder, r *Record) {
	t.Helper()
	want, err := z.encode(r)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Free()
	if got := string(appendLine([]byte("before"), r)); got != "before"+want.String() {
		at := 0
		for at < min(len(got)-6, want.Len()) && got[at+6] == want.Bytes()[at] {
			at++
		}
		t.Fatalf("lines differ from byte %d on:\n%.200q\n%.200q", at, got[6+max(at-40, 0):], want.String()[max(at-40, 0):])
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte{}, "", "")
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, "host\xff", "/p?q")
	z := newZapEncoder()
	f.Fuzz(func(t *testing.T, choices []byte, host, path string) {
		var r Record
		at := 0
		fill(&r, func(n int) int {
			if at++; at > len(choices) {
				return 0
			}
			return int(choices[at-1]) % n
		})
		r.Host, r.Path, r.Detail = host, path, path
		compareEncoders(t, z, &r)
	})
}

// Each value of each field, with all others unset and with all others set, and many mixtures.
func TestEncodesAsZap(t *testing.T) {
	z := newZapEncoder()
	state := uint64(1)
	random := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], state)
		return int(binary.LittleEndian.Uint32(b[4:])) % n
	}
	for range 200 {
		var r Record
		sparse := random(3) == 0
		fill(&r, func(n int) int {
			if sparse && random(4) > 0 {
				return 0
			}
			return random(n)
		})
		compareEncoders(t, z, &r)
	}
	for _, kind := range append(Types(), "other") {
		compareEncoders(t, z, &Record{Type: kind})
		for _, decision := range []policy.Outcome{policy.Allowed, policy.Denied, ""} {
			compareEncoders(t, z, &Record{Type: kind, Decision: decision, Path: "/p"})
			compareEncoders(t, z, &Record{Type: kind, Decision: decision, PathEnforced: true})
		}
	}
}

// A record of a request allocates nothing.
func TestEncodeAllocatesNothing(t *testing.T) {
	r := Record{
		V: 1, Type: TypeDecision, Time: time.Now(), Seq: 7, ID: "KCE6HQ", Client: netip.MustParseAddr("10.0.0.1"), ClientPort: 40000, Group: "nodes",
		Method: "GET", Scheme: "http", Host: "example.com", Port: 80, Path: "/a/b", Decision: policy.Allowed, Reason: "listed", Rule: "names",
		RuleSource: "names.txt:17", Policy: "sha256:" + strings.Repeat("a", 64), Mode: "enforce", DstIP: netip.MustParseAddr("2001:db8::1"),
	}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(200, func() { buf = appendLine(buf[:0], &r) }); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	r := Record{
		V: 1, Type: TypeDecision, Time: time.Now(), Seq: 7, ID: "KCE6HQ", Client: netip.MustParseAddr("10.0.0.1"), ClientPort: 40000, Group: "nodes",
		Method: "CONNECT", Scheme: "https", Host: "login.microsoftonline.com", Port: 443, Decision: policy.Allowed, Reason: "listed", Rule: "hci",
		RuleSource: "catalog azure-stack-hci@2021-12, entry 17", Policy: "sha256:" + strings.Repeat("a", 64), Mode: "enforce",
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendLine(buf[:0], &r)
	}
}
