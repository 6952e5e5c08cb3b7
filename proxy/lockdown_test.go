package proxy_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// A lockdown cuts the tunnels that it does not spare, at once, in learn mode too, and opens no new ones; one that is spared goes on.
func TestLockdownCuts(t *testing.T) { bothWays(t, testLockdownCuts) }

func testLockdownCuts(t *testing.T, lines string) {
	p := proxytest.Start(t, proxytest.Config{
		Listener: echo(t),
		Rules: func(port uint16) []policy.RuleSpec {
			return append(proxytest.OriginRule(port), policy.RuleSpec{
				ID: "extra", Hosts: []string{"extra.test"}, Ports: []uint16{port}, Private: "allow",
			})
		},
		Modes: map[string]policy.Mode{"default": policy.Learn},
		Hosts: map[string][]string{"extra.test": {"127.0.0.1"}},
	})
	p.Lines = lines
	spared := p.Connect("")
	doomed := p.Dial()
	doomed.Send(fmt.Sprintf("CONNECT extra.test:%d HTTP/1.1\r\nHost: x\r\n"+lines+"\r\n", p.Port))
	doomed.Response("CONNECT")

	set := p.Live.Load()
	locked, err := set.Under(policy.Lockdown{Only: []string{"origin"}, Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	p.Live.Swap(locked)
	if open := p.Server.Recheck(locked, 0); len(open) != 1 || open[0].Target.Host() != "extra.test" {
		t.Fatalf("forbidden: %+v", open)
	}
	if rest := doomed.Rest(); rest != "" {
		t.Errorf("after the lockdown: %q", rest)
	}
	if r := p.Records(3)[2]; r.Error != "lockdown" || r.Host != "extra.test" {
		t.Errorf("close record %+v", r)
	}
	spared.Send("hello")
	if _, err := io.ReadFull(spared.R, make([]byte, 5)); err != nil {
		t.Errorf("a tunnel that is spared was touched: %v", err)
	}
	again := p.Dial()
	again.Send(fmt.Sprintf("CONNECT extra.test:%d HTTP/1.1\r\nHost: x\r\n"+lines+"\r\n", p.Port))
	if resp := again.Response("CONNECT"); resp.StatusCode != 403 || !strings.Contains(resp.Status, "webproxy denied: lockdown extra.test:") {
		t.Errorf("a new tunnel: %s", resp.Status)
	}
	if r := p.Records(4)[3]; r.Reason != "lockdown" || r.Decision != policy.Denied || r.Policy != set.Digest() {
		t.Errorf("record %+v", r)
	}
	p.Live.Swap(set)
	after := p.Dial()
	after.Send(fmt.Sprintf("CONNECT extra.test:%d HTTP/1.1\r\nHost: x\r\n"+lines+"\r\n", p.Port))
	if resp := after.Response("CONNECT"); resp.StatusCode != 200 {
		t.Errorf("after its end: %s", resp.Status)
	}
}
