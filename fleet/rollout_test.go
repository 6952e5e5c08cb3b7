package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/internal/setting"
	"webproxy/internal/victorialogstest"
	"webproxy/ship"
)

// sitesAt deliver records as sites do.
type sitesAt struct {
	t   *testing.T
	url string
	seq map[string]uint64
}

func (s *sitesAt) deliver(site string, at time.Time, records ...string) {
	s.t.Helper()
	var rs []audit.Record
	var lines []string
	for i, r := range records {
		s.seq[site]++
		line := fmt.Sprintf(`{"v":1,"ts":%q,"seq":%d,"site":%q,%s}`, at.Add(time.Duration(i)*time.Millisecond).Format(audit.TimeLayout), s.seq[site], site, r)
		rec, err := audit.Decode([]byte(line))
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		rs, lines = append(rs, rec), append(lines, line)
	}
	resp, err := http.Post(s.url+"/insert/opentelemetry/v1/logs", "application/x-protobuf", bytes.NewReader(ship.AppendOTLP(nil, "p", "1", rs, lines)))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status)
	}
}

func takes(serial int) string {
	return fmt.Sprintf(`"type":"admin.reload","policy":"sha256:%012d","detail":"; bundle stable-%d after stable-1"`, serial, serial)
}

const refuses = `"type":"admin.reload","policy":"sha256:000000000001","detail":"refused: bundle refused: its tests fail"`

func asks(host, decision, reason string) string {
	return fmt.Sprintf(`"type":"egress.decision","id":"X","client":"10.0.1.1","client_port":1,"group":"nodes","method":"CONNECT","scheme":"https","host":%q,"port":443,"decision":%q,"reason":%q,"rule":"","rule_src":"","policy":"sha256:000000000001","mode":"enforce"`, host, decision, reason)
}

func many(n int, record string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = record
	}
	return all
}

// A rollout continues, stops at a limit or a refusal, and can be resumed.
func TestRollout(t *testing.T) {
	vl := victorialogstest.Start(t)
	start := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	kept := asks("kept.example.com", "allow", "allowed_by_rule")
	newBundle := func(serial uint64) *bundle.Bundle {
		b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: serial, Sites: []string{"*"}, Made: start, By: "ann"}, map[string][]byte{
			bundle.PolicyFile: []byte("rules: [{ id: kept, hosts: [kept.example.com] }]\n")})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		name    string
		deliver func(s *sitesAt, site func(string) string)
		outcome string
		why     string
		there   []bool // in which rings the bundle is published
		// soak is 10 minutes if it is 0. later, if not nil, is what is delivered in the 36th minute.
		soak  time.Duration
		later func(s *sitesAt, site func(string) string)
	}{
		{"good", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), append([]string{takes(7)}, many(200, kept)...)...)
			s.deliver(site("b"), start.Add(20*time.Minute), takes(7))
			s.deliver(site("a"), start.Add(11*time.Minute), kept)
			s.deliver(site("b"), start.Add(40*time.Minute), kept)
		}, "done", "", []bool{true, true}, 0, nil},
		{"denies", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), append(append([]string{takes(7)}, many(100, asks("kept.example.com", "allow", "allowed_by_rule"))...), many(10, asks("x.test", "deny", "host_not_listed"))...)...)
		}, "stopped", "host_not_listed > 5% in ring canary: 10 of 110 requests", []bool{true, false}, 0, nil},
		{"denies before it has it", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), append(many(110, asks("x.test", "deny", "host_not_listed")), takes(7))...)
			s.deliver(site("b"), start.Add(20*time.Minute), takes(8))
			s.deliver(site("a"), start.Add(11*time.Minute), kept)
			s.deliver(site("b"), start.Add(40*time.Minute), kept)
		}, "done", "", []bool{true, true}, 0, nil},
		{"refuses", func(s *sitesAt, site func(string) string) { s.deliver(site("a"), start.Add(time.Second), refuses) },
			"stopped", "of ring canary refuses stable-7: bundle refused: its tests fail", []bool{true, false}, 0, nil},
		{"waits", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), asks("kept.example.com", "allow", "allowed_by_rule"))
		}, "stopped", "after 10m 1 site of ring canary had not taken stable-7", []bool{true, false}, 0, nil},
		{"nobody", func(s *sitesAt, site func(string) string) {}, "stopped", "no site of ring canary was heard of", []bool{true, false}, 0, nil},
		{"what-if", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(-time.Hour), append(many(100, asks("kept.example.com", "allow", "allowed_by_rule")), many(5, asks("old.example.com", "allow", "allowed_by_rule"))...)...)
		}, "stopped", "what-if for ring canary: newly_denied > 1%: 5 of 105 requests", []bool{false, false}, 0, nil},
		{"took it and went silent", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7), asks("kept.example.com", "allow", "allowed_by_rule"))
		}, "stopped", "what became of stable-7 in ring canary is not known: site took-it-and-went-silent-a has delivered nothing for 47m", []bool{true, false}, 30 * time.Minute, nil},
		{"took it and failed just before the end", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.deliver(site("a"), start.Add(29*time.Minute), kept)
		}, "stopped", "is not known: site took-it-and-failed-just-before-the-end-a has delivered nothing for 19m", []bool{true, false}, 30 * time.Minute, nil},
		{"was silent just before the end", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.deliver(site("a"), start.Add(29*time.Minute), kept)
			s.deliver(site("b"), start.Add(time.Hour), takes(7))
			s.deliver(site("b"), start.Add(80*time.Minute), kept)
		}, "done", "", []bool{true, true}, 30 * time.Minute, func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(35*time.Minute), kept)
		}},
		{"denied just before the end", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.deliver(site("a"), start.Add(27*time.Minute), kept)
		}, "stopped", "host_not_listed > 5% in ring canary: 110 of 111 requests", []bool{true, false}, 30 * time.Minute, func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(29*time.Minute), many(110, asks("x.test", "deny", "host_not_listed"))...)
		}},
		{"was silent", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.deliver(site("b"), start.Add(time.Hour), takes(7))
			s.deliver(site("b"), start.Add(80*time.Minute), kept)
		}, "done", "", []bool{true, true}, 30 * time.Minute, func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(34*time.Minute), asks("kept.example.com", "allow", "allowed_by_rule"))
		}},
		{"was silent and denied", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
		}, "stopped", "host_not_listed > 5% in ring canary: 110 of 110 requests", []bool{true, false}, 30 * time.Minute, func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Minute), many(110, asks("x.test", "deny", "host_not_listed"))...)
		}},
		{"numbers missing", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.seq[site("a")] += 3
			s.deliver(site("a"), start.Add(25*time.Minute), asks("kept.example.com", "allow", "allowed_by_rule"))
			s.deliver(site("a"), start.Add(45*time.Minute), asks("kept.example.com", "allow", "allowed_by_rule"))
		}, "stopped", "is not known: 3 numbers of site numbers-missing-a are missing", []bool{true, false}, 30 * time.Minute, nil},
		{"numbers came late", func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(time.Second), takes(7))
			s.seq[site("a")] += 3
			s.deliver(site("a"), start.Add(25*time.Minute), asks("kept.example.com", "allow", "allowed_by_rule"))
			s.deliver(site("b"), start.Add(time.Hour), takes(7))
			s.deliver(site("b"), start.Add(80*time.Minute), kept)
		}, "done", "", []bool{true, true}, 30 * time.Minute, func(s *sitesAt, site func(string) string) {
			s.deliver(site("a"), start.Add(35*time.Minute), kept)
			s.seq[site("a")] -= 5
			s.deliver(site("a"), start.Add(20*time.Minute), many(3, asks("kept.example.com", "allow", "allowed_by_rule"))...)
		}},
	} {
		dir := t.TempDir()
		cfg := &Config{VictoriaLogs: vl.URL(), Rings: map[string]RingSpec{}}
		site := func(s string) string { return strings.ReplaceAll(tt.name, " ", "-") + "-" + s }
		for ring, s := range map[string]string{"canary": "a", "stable": "b"} {
			cfg.Rings[ring] = RingSpec{Dir: filepath.Join(dir, ring), Sites: []string{site(s)}}
			if err := os.Mkdir(filepath.Join(dir, ring), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		c, err := NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		sites := &sitesAt{t, vl.URL(), map[string]uint64{}}
		tt.deliver(sites, site)
		if err := vl.Flush(); err != nil {
			t.Fatal(err)
		}
		now := start
		looks := 0
		r := &Rollout{Client: c, Config: cfg, Bundle: newBundle(7), Rings: []string{"canary", "stable"}, Soak: cmp.Or(tt.soak, 10*time.Minute), Every: 4 * time.Minute,
			StopIf: setting.Limit{Name: "host_not_listed", Number: 5, Share: true}, WhatIf: 7 * 24 * time.Hour, RefuseIf: setting.Limit{Name: "newly_denied", Number: 1, Share: true}, State: filepath.Join(dir, "state.json"),
			now: func() time.Time { return now },
		}
		// It is interrupted once, in the middle, and resumed.
		r.wait = func(_ context.Context, d time.Duration) error {
			now = now.Add(d)
			if tt.later != nil && now.Equal(start.Add(36*time.Minute)) {
				tt.later(sites, site)
				if err := vl.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if looks++; looks == 2 {
				return context.Canceled
			}
			return nil
		}
		st, err := r.Run(context.Background())
		if err != nil {
			other := &Rollout{Client: c, Config: cfg, Bundle: newBundle(9), Rings: r.Rings, State: r.State}
			if _, err := other.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "stable-7 through canary, stable is under way") {
				t.Errorf("%s: another one beside it: %v", tt.name, err)
			}
			st, err = r.Run(context.Background())
		}
		if err != nil || st.Outcome != tt.outcome || !strings.Contains(st.Why, tt.why) {
			t.Errorf("%s: %+v, %v", tt.name, st, err)
			continue
		}
		for i, ring := range r.Rings {
			if _, err := os.Stat(filepath.Join(dir, ring, "stable.bundle")); (err == nil) != tt.there[i] {
				t.Errorf("%s: in ring %s: %v", tt.name, ring, err)
			}
		}
		if again, err := r.Run(context.Background()); tt.outcome == "done" && (err != nil || again.Outcome != "done") {
			t.Errorf("%s: once more: %+v, %v", tt.name, again, err)
		}
	}
}

// A look reads what is new only, and from the beginning what a site delivered late; a record that is there twice counts once.
func TestRolloutLook(t *testing.T) {
	vl := victorialogstest.Start(t)
	start := time.Date(2026, 10, 3, 8, 0, 0, 0, time.UTC)
	cfg := &Config{VictoriaLogs: vl.URL(), Rings: map[string]RingSpec{"r": {Dir: t.TempDir(), Sites: []string{"look-*"}}}}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: 7, Sites: []string{"*"}, Made: start, By: "ann"}, map[string][]byte{
		bundle.PolicyFile: []byte("rules: [{ id: kept, hosts: [kept.example.com] }]\n")})
	if err != nil {
		t.Fatal(err)
	}
	r := &Rollout{Client: c, Config: cfg, Bundle: b, StopIf: setting.Limit{Name: "denied", Number: 5}, now: func() time.Time { return start.Add(time.Hour) }}
	ring, looks := &RingState{Ring: "r", Published: start}, map[string]*siteLook{}
	sites := &sitesAt{t, vl.URL(), map[string]uint64{}}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", strings.TrimPrefix(vl.URL(), "http://")
	}}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "count_uniq") {
			http.Error(w, "not enough memory", http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r)
	}))
	defer refusing.Close()
	const refusedFrom = 9
	denied, took := asks("x.test", "deny", "host_not_listed"), start.Add(time.Minute)
	for i, step := range []struct {
		deliver             func()
		lines               uint64 // that are read
		requests, exceeding uint64
		taken               int
	}{
		{func() {
			sites.deliver("look-1", took, append([]string{takes(7)}, many(20, denied)...)...)
			sites.deliver("look-2", took, many(10, denied)...)
		}, 31, 20, 20, 1},
		{func() {}, 0, 20, 20, 1},
		{func() { sites.deliver("look-1", took.Add(time.Minute), many(3, denied)...) }, 3, 23, 23, 1},
		{func() { // the same once more, as after a restart
			sites.seq["look-1"] -= 3
			sites.deliver("look-1", took.Add(time.Minute), many(3, denied)...)
		}, 0, 23, 23, 1},
		{func() { // what has greater numbers comes first
			sites.seq["look-2"] += 4
			sites.deliver("look-2", took.Add(2*time.Minute), many(2, denied)...)
			sites.deliver("look-3", took, takes(8))
		}, 3, 23, 23, 2},
		{func() { // 10 that are there, 4 that come late, 2 after them
			sites.seq["look-2"] -= 6
			sites.deliver("look-2", took.Add(time.Minute), append([]string{takes(7)}, many(3, denied)...)...)
		}, 16, 28, 28, 3},
		{func() { // one cannot be read: once from the beginning, and not at each look
			sites.seq["look-3"]++
			resp, err := http.Post(vl.URL()+"/insert/jsonline?_stream_fields=webproxy.site", "application/stream+json", strings.NewReader(fmt.Sprintf(
				`{"_time":%q,"_msg":"none","webproxy.type":"admin.reload","webproxy.site":"look-3","webproxy.seq":"%d"}`, took.Format(time.RFC3339), sites.seq["look-3"])))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}, 3, 28, 28, 3},
		{func() {}, 0, 28, 28, 3},
		{func() { sites.deliver("look-3", took.Add(time.Minute), denied) }, 2, 29, 29, 3},
		{func() {}, 27, 29, 29, 3}, // from the beginning, for those that are there twice
		{func() {}, 0, 29, 29, 3},
		{func() { sites.deliver("look-1", took.Add(2*time.Minute), denied) }, 1, 30, 30, 3},
	} {
		step.deliver()
		if err := vl.Flush(); err != nil {
			t.Fatal(err)
		}
		if i == refusedFrom { // VictoriaLogs refuses to hold numbers from here on
			if r.Client, err = NewClient(&Config{VictoriaLogs: refusing.URL}); err != nil {
				t.Fatal(err)
			}
		}
		before := r.read
		if err := r.look(context.Background(), ring, cfg.Rings["r"], looks); err != nil {
			t.Fatal(err)
		}
		if got := r.read - before; got != step.lines || ring.Requests != step.requests || ring.Exceeding != step.exceeding || len(ring.Taken) != step.taken {
			t.Errorf("step %d: %d lines read, %+v; want %+v", i, got, ring, step)
		}
	}
}

// A ring whose directory cannot be written to is watched from when the bundle is there, and one without a directory begins nothing.
func TestRolloutPublishesLater(t *testing.T) {
	dir := t.TempDir()
	ring := RingSpec{Dir: filepath.Join(dir, "canary"), Sites: []string{"*"}}
	b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: 7, Sites: []string{"*"}, Made: time.Unix(1e9, 0).UTC(), By: "ann"}, map[string][]byte{
		bundle.PolicyFile: []byte("rules: [{ id: kept, hosts: [kept.example.com] }]\n")})
	if err != nil {
		t.Fatal(err)
	}
	r := &Rollout{Config: &Config{Rings: map[string]RingSpec{"canary": ring}}, Bundle: b, Rings: []string{"canary"}, State: filepath.Join(dir, "state.json")}
	if _, err := r.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "ring canary: there is no directory") {
		t.Errorf("without a directory: %v", err)
	}
	if _, err := os.Stat(r.State); err == nil {
		t.Error("a rollout is under way that could not begin")
	}
	if err := os.MkdirAll(filepath.Join(ring.Dir, "stable.bundle"), 0o755); err != nil { // nothing can be renamed to it
		t.Fatal(err)
	}
	st, err := r.Run(context.Background())
	if err == nil || st == nil || !st.Rings[0].Published.IsZero() {
		t.Errorf("published %+v, %v", st, err)
	}
	// It is there, though that ended with an error: sites take it from now on.
	if err := os.Remove(filepath.Join(ring.Dir, "stable.bundle")); err != nil {
		t.Fatal(err)
	}
	r.publish = func(ring RingSpec, b *bundle.Bundle) error {
		return errors.Join(publish(ring, b), errors.New("sync directory"))
	}
	if st, err = r.Run(context.Background()); err == nil || st == nil || st.Rings[0].Published.IsZero() {
		t.Errorf("published %+v, %v", st, err)
	}
}

// The published serial never decreases.
func TestPublish(t *testing.T) {
	ring := RingSpec{Dir: t.TempDir()}
	make := func(serial uint64, rule string) *bundle.Bundle {
		b, err := bundle.New(bundle.Manifest{Name: "stable", Serial: serial, Sites: []string{"*"}, Made: time.Unix(1e9, 0).UTC(), By: "ann"},
			map[string][]byte{bundle.PolicyFile: []byte("rules: [{ id: " + rule + ", hosts: [a.example.com] }]\n")})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := publish(ring, make(5, "a")); err != nil {
		t.Fatal(err)
	}
	if err := publish(ring, make(5, "a")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for _, b := range []*bundle.Bundle{make(5, "b"), make(4, "a")} {
		if err := publish(ring, b); err == nil || !strings.Contains(err.Error(), "has serial 5") {
			t.Errorf("%v: %v", b, err)
		}
	}
	if err := publish(ring, make(6, "b")); err != nil {
		t.Error(err)
	}
	got, err := Published(&Config{Rings: map[string]RingSpec{"r": ring, "gone": {Dir: filepath.Join(ring.Dir, "gone")}}})
	if err != nil || got["r"]["stable"] != 6 {
		t.Errorf("%v, %v", got, err)
	}
}

// The ring with a site's exact name comes before one with a matching pattern.
func TestRingOf(t *testing.T) {
	rings := map[string]RingSpec{"stable": {Sites: []string{"*"}}, "a-canary": {Sites: []string{"oslo-*"}}, "z": {Sites: []string{"oslo-9"}}}
	for site, want := range map[string]string{"oslo-1": "a-canary", "oslo-9": "z", "kiel": "stable"} {
		if got := RingOf(rings, site); got != want {
			t.Errorf("%s: %s, want %s", site, got, want)
		}
	}
}
