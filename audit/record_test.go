package audit_test

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// samples has a record of every type.
func samples() map[audit.Type]audit.Record {
	all := map[audit.Type]audit.Record{
		audit.TypeDecision: audittest.Decision(),
		audit.TypeClose:    audittest.Close(),
		audit.TypeRepeat: {ID: "7Q3F9K", Client: netip.MustParseAddr("10.0.1.12"), Group: "nodes", Method: "CONNECT", Scheme: "https",
			Host: "telemetry.example.org", Port: 443, Decision: "deny", Reason: "host_not_listed", Policy: "sha256:9c1e77aa01f2", Mode: "enforce",
			Count: 98114, First: time.Date(2026, 11, 24, 7, 1, 39, 120e6, time.UTC), Last: time.Date(2026, 11, 24, 7, 1, 49, 119e6, time.UTC),
			Hosts: 2, Sample: []string{"a.example.org", "b.example.org"}},
		audit.TypeReload: {Detail: "webproxy.yaml changed: 1 entry added, 1 removed", Policy: "sha256:b5a1007e33c4", PolicyOld: "sha256:9c1e77aa01f2",
			Added: []string{"allow learned https://www.powershellgallery.com"}, Removed: []string{"allow arc/his https://*.his.arc.azure.com"}},
		audit.TypeMode:        {Detail: "group nodes enforces from now on", Group: "nodes", Mode: "enforce", By: "alice", Ticket: "CHG-1042"},
		audit.TypePhase:       {Detail: "phase onboarding is on for 4h", Phase: "onboarding", By: "alice", Ticket: "CHG-1042"},
		audit.TypeApprove:     {Detail: "1 entry approved, 0 rejected", Added: []string{"allow learned https://aka.ms"}, By: "alice", Ticket: "CHG-1043"},
		audit.TypeLockdown:    {Detail: "lockdown until 2026-11-24 09:01 UTC, of everything but approved", By: "alice", Ticket: "INC-7"},
		audit.TypeUser:        {Detail: "user bert of the dashboard was added as reader", By: "alice"},
		audit.TypeLogin:       {Detail: "logged in to the dashboard with a password, as approver", By: "alice", Client: netip.MustParseAddr("10.0.2.10")},
		audit.TypeLogout:      {Detail: "logged out of the dashboard", By: "alice", Client: netip.MustParseAddr("10.0.2.10")},
		audit.TypeLoginFailed: {Detail: "a login of alice to the dashboard failed: wrong password", Client: netip.MustParseAddr("10.0.2.10")},
		audit.TypeLockout:     {Detail: "alice is locked out of the dashboard for 15m0s at this address: too many wrong passwords", Client: netip.MustParseAddr("10.0.2.10")},
		audit.TypeStart:       {Detail: "webproxy 1.0.0 started", Policy: "sha256:9c1e77aa01f2"},
		audit.TypeStop:        {Detail: "webproxy stopped; 2 tunnels were cut"},
		audit.TypeGap:         {Detail: "3 records could not be written since 2026-11-24T07:01:49.123Z: write: no space left on device"},
		audit.TypeRetain:      {Detail: "audit-000000000001-20251020T070149Z.ndjson.gz is deleted: older than 400d", FirstSeq: 1, LastSeq: 612340},
		audit.TypeShip:        {Detail: "siem did not get 1200 records: they were no longer in the log", FirstSeq: 612341, LastSeq: 613540},
	}
	decision := all[audit.TypeDecision]
	decision.ID = all[audit.TypeClose].ID
	all[audit.TypeDecision] = decision
	for t, r := range all {
		r.V, r.Type, r.Seq, r.Time = audit.Version, t, 1240377, time.Date(2026, 11, 24, 7, 1, 49, 123e6, time.UTC)
		all[t] = r
	}
	return all
}

func TestGolden(t *testing.T) {
	all := samples()
	for _, typ := range audit.Types() {
		r, ok := all[typ]
		if !ok {
			t.Errorf("no sample of type %s", typ)
			continue
		}
		got, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("testdata", "golden", string(typ)+".json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", typ, got, want)
		}
		back, err := audit.Decode(want)
		if err != nil {
			t.Errorf("%s: Decode: %v", typ, err)
		}
		r.DNS, back.DNS = 0, 0 // written in whole milliseconds
		if !reflect.DeepEqual(back, r) {
			t.Errorf("%s: Decode:\n got %+v\nwant %+v", typ, back, r)
		}
	}
}

func TestDecisionIsNeverShort(t *testing.T) {
	// A request so malformed that nothing is known of it still has every field of a decision.
	line, err := json.Marshal(audit.Record{Type: audit.TypeDecision})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("v type ts seq id client client_port group method scheme host port decision reason rule rule_src policy mode") {
		if _, ok := got[name]; !ok {
			t.Errorf("no %s in %s", name, line)
		}
	}
}

func TestDocsNameEveryField(t *testing.T) {
	docs, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[audit.Record]()
	for i := range typ.NumField() {
		if tag := typ.Field(i).Tag.Get("json"); !strings.Contains(string(docs), "`"+tag+"`") {
			t.Errorf("docs/audit.md does not name `%s`", tag)
		}
	}
	for _, typ := range audit.Types() {
		if !strings.Contains(string(docs), "`"+string(typ)+"`") {
			t.Errorf("docs/audit.md does not name `%s`", typ)
		}
	}
}

func TestPathEnforced(t *testing.T) {
	tests := []struct {
		want string // the field, as it stands in the line
		r    audit.Record
	}{
		// nothing to say: no path was asked for
		{"", audit.Record{Decision: "allow", PathEnforced: true}},
		{"", audit.Record{Decision: "deny"}},
		// a path was visible
		{`"path_enforced":true`, audit.Record{Decision: "allow", Path: "/x", PathEnforced: true}},
		{`"path_enforced":false`, audit.Record{Decision: "deny", Path: "/x"}},
		// let through although the rule's path could not be seen
		{`"path_enforced":false`, audit.Record{Decision: "allow"}},
		{`"path_enforced":false`, audit.Record{Decision: "would_deny"}},
	}
	for _, tt := range tests {
		tt.r.Type = audit.TypeDecision
		line, err := json.Marshal(tt.r)
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == "" && strings.Contains(string(line), "path_enforced") || !strings.Contains(string(line), tt.want) {
			t.Errorf("decision %q, path %q, enforced %v: got %s, want %q", tt.r.Decision, tt.r.Path, tt.r.PathEnforced, line, tt.want)
		}
	}
}

func TestHostileStrings(t *testing.T) {
	tests := []struct{ want, host string }{
		{"plain", "plain"},
		{"a\"\\\n\x00b", "a\"\\\n\x00b"}, // JSON escapes these
		{"a\ufffdb", "a\xffb"},
		{"\ufffd\ufffd", "\xed\xa0"},
		{"bücher", "bücher"},
		// what a terminal would obey
		{"a\x1b[31m", "a\x1b[31m"}, // escaped as \u001b
		{"a\ufffd", "a\x7f"},
		{"a\ufffd31m", "a\u009b31m"},
		{"a\ufffdb", "a\u202eb"},
		{"a\ufffdb", "a\u2028b"},
		// bounded, at a rune's border
		{strings.Repeat("x", 253), strings.Repeat("x", 253)},
		{strings.Repeat("x", 250) + "…", strings.Repeat("x", 254)},
		{strings.Repeat("x", 249) + "…", strings.Repeat("x", 249) + "éé" + "y"},
		{strings.Repeat("\ufffd", 83) + "…", strings.Repeat("\xff", 100000)},
	}
	for _, tt := range tests {
		r := audittest.Decision()
		r.V, r.Seq, r.Time, r.Host = audit.Version, 1, time.Unix(1, 0), tt.host
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range line {
			if c < ' ' || c == 0x7f {
				t.Errorf("host %.40q: byte %q in the line", tt.host, c)
			}
		}
		back, err := audit.Decode(line)
		if err != nil || back.Host != tt.want {
			t.Errorf("host %.40q: got %q, %v, want %q", tt.host, back.Host, err, tt.want)
		}
	}
}

func TestNormalForm(t *testing.T) {
	r := audittest.Decision()
	r.V, r.Seq, r.Time = audit.Version, 1, time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))
	r.Client = netip.MustParseAddr("::ffff:10.0.1.12")
	r.DstIP = netip.MustParseAddr("fe80::1%eth0")
	r.Path = "/a?token=secret"
	r.BytesOut, r.Status = -1, -1
	back := roundTrip(t, r)
	if back.Client != netip.MustParseAddr("10.0.1.12") || back.DstIP != netip.MustParseAddr("fe80::1") || back.Path != "/a" ||
		back.BytesOut != 0 || back.Status != 0 || !back.Time.Equal(r.Time) || back.Time.Location() != time.UTC {
		t.Errorf("got %+v", back)
	}
}

func TestLongLists(t *testing.T) {
	r := samples()[audit.TypeReload]
	r.Added = make([]string, 1000)
	got := roundTrip(t, r).Added
	if len(got) != 200 || got[199] != "… and 801 more" {
		t.Errorf("got %d elements, the last %q", len(got), got[len(got)-1])
	}
}

func roundTrip(t *testing.T, r audit.Record) audit.Record {
	t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back, err := audit.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// Times are written as package time writes them, to whole milliseconds.
func TestRecordTime(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000Z"
	for _, at := range []time.Time{
		time.Date(2026, 11, 24, 7, 1, 49, 123_999_999, time.UTC),
		time.Date(2000, 2, 29, 23, 59, 59, 999_000_000, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 1_000_000, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 40_000_000, time.UTC),
		time.Date(9999, 12, 31, 0, 0, 0, 0, time.FixedZone("west", -3600)),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		line, err := json.Marshal(audit.Record{Type: audit.TypeStart, Time: at})
		if want := `"ts":"` + at.UTC().Format(layout) + `"`; err != nil || !strings.Contains(string(line), want) {
			t.Errorf("record of %v: %s, %v; want %s", at, line, err, want)
		}
	}
}
