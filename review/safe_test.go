package review

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/policy"
)

// What a fix would also let through is the same, whether it is counted by the summaries of files or by their records; where the rows of
// summaries leave something open, records are read.
func TestSafeByRows(t *testing.T) {
	dir := t.TempDir()
	text := `listen: "127.0.0.1:0"
policy:
  clients: { nodes: [10.0.1.0/24], wac: [10.0.2.0/24] }
  rules:
    - { id: wac-only, hosts: [listed.example.com], for: [wac] }
    - { id: a-path, url: "http://path.example.com/a/*" }
    - { id: ended, hosts: [ended.example.com], expires: 2020-01-01T00:00:00Z }
audit: { dir: audit }
`
	path := filepath.Join(dir, "webproxy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "audit")
	l, err := audit.Open(audit.Options{Dir: log, Key: filepath.Join(dir, "k"), Rotate: 64 << 10, Sync: setting.Off, AggregateWindow: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for range 2000 {
		net := byte(1 + random.IntN(3))
		r := audit.Record{Type: audit.TypeDecision, Client: netip.AddrFrom4([4]byte{10, 0, net, byte(random.IntN(3))}), ClientPort: 1, Group: []string{"nodes", "wac", ""}[net-1],
			Host: pick("new.example.com", "listed.example.com", "path.example.com", "ended.example.com", "cert.example.com"), Decision: "deny", Reason: "host_not_listed", Mode: "enforce"}
		r.Method, r.Scheme, r.Port = "CONNECT", "https", 443
		if random.IntN(3) == 0 {
			r.Method, r.Scheme, r.Port, r.Path = "GET", "http", 80, pick("/a/x", "/b")
		}
		switch random.IntN(6) {
		case 0:
			if r.Host == "cert.example.com" {
				r.ClientName, r.Group = "node.example.com", pick("nodes", "wac") // by its certificate
			}
		case 1:
			r.Decision, r.Reason, r.Rule = "allow", "allowed_by_rule", "x"
		case 2:
			r.Decision, r.Mode = "would_deny", "learn"
		}
		if err := l.Append(&r); err != nil {
			t.Fatal(err)
		}
		if r.Decision != "deny" {
			end := r
			end.Type, end.Seq, end.Time = audit.TypeClose, 0, time.Time{}
			if random.IntN(2) == 0 {
				end.Decision, end.Reason = "deny", "private_address"
			}
			if err := l.Append(&end); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	now := time.Now()
	a := &Why{Config: cfg, Dir: log, Back: setting.Duration(24 * time.Hour)}
	for _, tt := range []struct {
		url    string
		byRows bool // only the live file is read
	}{{"https://new.example.com", true}, {"http://new.example.com", true}, {"https://listed.example.com", false}, {"https://cert.example.com", false}, {"https://ended.example.com", false}} {
		target, _, _, err := policy.ParseURL(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		req := policy.Request{Target: target}
		entry, err := a.entryFor(&req, "")
		if err != nil {
			t.Fatal(err)
		}
		read, counts := 0, a.newlyAllowed(entry)
		counted := func(r *audit.Record) bool { read++; return counts(r) }
		only := "host = " + quote(target.Host())
		got, err := refused(log, a.Back, now, nil, only, a.rowNewlyAllowed(entry), counted)
		if err != nil {
			t.Fatal(err)
		}
		want, err := refused(log, a.Back, now, nil, only, nil, counts)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) || want.requests == 0 && tt.byRows {
			t.Errorf("%s: by rows %+v, by records %+v", tt.url, got, want)
		}
		if (read < 60) != tt.byRows {
			t.Errorf("%s: %d records were read", tt.url, read)
		}
	}
}
