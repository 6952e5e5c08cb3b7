//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"webproxy/policy"
)

// TestReloads changes the policy under load: hundreds of changes, good and bad, while a hundred tunnels
// are in use and requests continue. No tunnel that stays permitted may be affected. Every decision must
// be right by a policy that was in force during the request; see traffic_test.go. An invalid file
// changes nothing and is reported.
func TestReloads(t *testing.T) {
	reloads := number(t, "E2E_RELOADS", 300)
	plain, raw := serveHTTP(t, "127.0.0.1:0", new(guestbook)), serveRaw(t, echo)
	s := newSite(t)
	d := &deployer{site: s, plain: plain, raw: raw, broken: noPart, random: rand.New(rand.NewPCG(3, 4))}
	for p := range numParts {
		d.put(p.String(), d.good(p, 0))
	}
	p := s.start()
	log := follow(t, s)

	d.hangUp = func() { p.signal(syscall.SIGHUP) }

	load := p.startTraffic(log, plain)
	open := p.openTunnels(100, raw)
	done := make(map[string]int)
	var slowest time.Duration
	for i := 0; i < reloads || d.broken != noPart; i++ {
		d.heal = i >= reloads-1 // the final state is valid
		refused, began := log.refusals(), time.Now()
		change := d.change()
		done[change]++
		if d.broken != noPart {
			p.mustRefuse(t, log, change, refused)
		} else {
			p.mustTake(t, log, change, d.want)
		}
		slowest = max(slowest, time.Since(began))
	}
	load.stop()
	open.stop()
	p.stop()
	t.Logf("%d kinds of changes: %v", len(done), done)
	t.Logf("%d policies in force, %d refusals; the slowest change took %v to show", len(log.installed), log.refused, slowest)
	all := records(t, s.audit())
	load.check(t, log.installed, all)
	open.check(t, all)
}

// mustTake waits until the audit log says that the version is in force. Then all pages for the operator must
// say the same.
func (p *process) mustTake(t *testing.T, log *journal, change string, want version) {
	t.Helper()
	eventually(t, fmt.Sprintf("after %s policy %v is in force", change, want), func() bool { return log.current().version == want })
	if digest := p.metric("webproxy_policy_info")[0].labels["digest"]; digest != log.current().digest {
		t.Errorf("%s: /metrics has the policy %s, the audit log %s", change, digest, log.current().digest)
	}
	if status, body := p.get("/readyz"); status != http.StatusOK || strings.Contains(body, "refused") {
		t.Errorf("%s: /readyz: %d\n%s", change, status, body)
	}
	if p.gauge("webproxy_config_ok") != 1 {
		t.Errorf("%s: webproxy_config_ok is not 1", change)
	}
}

// mustRefuse waits until the audit log has another refusal. Then all pages for the operator must
// say the same, and that the previous policy is still in force.
func (p *process) mustRefuse(t *testing.T, log *journal, change string, refused int) {
	t.Helper()
	before := log.current().digest
	eventually(t, change+" is refused", func() bool { return log.refusals() > refused })
	if status, body := p.get("/readyz"); status != http.StatusOK || !strings.Contains(body, "refused") || !strings.Contains(body, policy.ShortDigest(before)) {
		t.Errorf("%s: /readyz: %d, want a refusal and %s\n%s", change, status, policy.ShortDigest(before), body)
	}
	if p.gauge("webproxy_config_ok") != 0 {
		t.Errorf("%s: webproxy_config_ok is not 0", change)
	}
	if digest := p.metric("webproxy_policy_info")[0].labels["digest"]; digest != before {
		t.Errorf("%s: the policy in force is %s, want %s", change, digest, before)
	}
}

// TestReloadEndsTunnels: tunnels that a reload forbids end after the grace period. Others
// are not affected.
func TestReloadEndsTunnels(t *testing.T) {
	raw := serveRaw(t, echo)
	s := newSite(t)
	policy := func(hosts string) string {
		return fmt.Sprintf("reload: { grace: 1s }\npolicy: { rules: [{ id: echo, hosts: [%s], ports: [%d], private: allow }] }\n", hosts, raw)
	}
	s.configure(policy("stays.test, goes.test"))
	p := s.start()
	stays, goes := p.talkTo(fmt.Sprintf("stays.test:%d", raw)), p.talkTo(fmt.Sprintf("goes.test:%d", raw))
	s.configure(policy("stays.test"))
	goes.mustEnd()
	stays.say("still here")
	stays.conn.Close()
	p.stop()
	decided, closed := decisions(t, records(t, s.audit()))
	ends := make(map[string]string)
	for _, r := range decided {
		ends[r.Host] = closed[r.ID].Error
	}
	if ends["goes.test"] != "policy_changed" || ends["stays.test"] != "" {
		t.Errorf("the close records have %q", ends)
	}
}
