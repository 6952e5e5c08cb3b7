//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"webproxy/audit"
)

// TestRepeats is about a client that asks for what is denied in a loop. Its denials may be counted, in
// the audit log's default; what is permitted may not. None may get lost, and the id that the client is told
// must lead to a record each time.
func TestRepeats(t *testing.T) {
	const denied, allowed = 60, 30
	port := serveHTTP(t, "127.0.0.1:0", new(guestbook))
	s := newSite(t)
	s.settings = strings.Replace(s.settings, recordEach, "", 1)
	s.configure(fmt.Sprintf("policy: { rules: [{ id: open, hosts: [open.test], ports: [%d], schemes: [http], private: allow }] }\n", port))
	p := s.start()
	loop := p.curls(nil, slices.Repeat([]string{"http://shut.test/"}, denied)...)
	p.curls(nil, slices.Repeat([]string{fmt.Sprintf("http://open.test:%d/", port)}, allowed)...)
	var counted float64
	for _, m := range p.metric("webproxy_decisions_total") {
		if m.labels["verdict"] == "deny" {
			counted += m.value
		}
	}
	p.stop()

	all := records(t, s.audit())
	decided, _ := decisions(t, all)
	byDecision := countBy(decided, func(r audit.Record) string { return r.Decision })
	repeats := 0
	for _, r := range all {
		if r.Type == audit.TypeRepeat {
			repeats += int(r.Count)
		}
	}
	if got := byDecision["deny"] + repeats; got != denied || counted != denied || repeats == 0 {
		t.Errorf("%d denials: %d are recorded, %d counted, and /metrics has %v", denied, byDecision["deny"], repeats, counted)
	}
	if byDecision["allow"] != allowed {
		t.Errorf("%d of %d permitted requests are recorded", byDecision["allow"], allowed)
	}
	for _, c := range loop {
		id := checkDenial(t, "a repeated request", "host_not_listed", c)
		if !slices.ContainsFunc(decided, func(r audit.Record) bool { return r.ID == id && r.Host == "shut.test" }) {
			t.Errorf("no record %q", id)
		}
	}
}
