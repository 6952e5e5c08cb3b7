//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
)

// An asked is a request of the stream, with its result for the client.
type asked struct {
	// policy is how many policies the log had when the request began: the last of
	// them, or a later one, must decide it.
	policy int
	status int // 0 if there was no response
	err    error
}

// traffic is a steady stream of requests, each to a different host.
type traffic struct {
	once     sync.Once // closes stopping
	stopping chan struct{}
	clients  sync.WaitGroup

	mu    sync.Mutex // guards asked
	asked map[string]asked
}

// startTraffic starts requests to all zones, plain ones and tunnels, until stop is called.
func (p *process) startTraffic(log *journal, port int) *traffic {
	tr := &traffic{stopping: make(chan struct{}), asked: make(map[string]asked)}
	p.t.Cleanup(tr.stop)
	for n := range 4 {
		tr.clients.Go(func() { p.keepAsking(tr, log, port, fmt.Sprintf("c%d", n)) })
	}
	return tr
}

// keepAsking is one client of the stream.
func (p *process) keepAsking(tr *traffic, log *journal, port int, who string) {
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr})}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tr.stopping:
			return
		case <-tick.C:
		}
		host := fmt.Sprintf("%s-%d.%s", who, i, zones()[i%len(zones())])
		hostport := fmt.Sprintf("%s:%d", host, port)
		a := asked{policy: log.installs()}
		if i/len(zones())%2 == 0 {
			a.status, a.err = plainStatus(client, "http://"+hostport)
		} else {
			a.status, a.err = p.tunnelStatus(hostport)
		}
		tr.mu.Lock()
		tr.asked[host] = a
		tr.mu.Unlock()
	}
}

// plainStatus makes a plain request: a POST, which package http does not repeat by itself.
func plainStatus(client *http.Client, url string) (int, error) {
	resp, err := client.Post(url, "text/plain", nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func (p *process) tunnelStatus(hostport string) (int, error) {
	conn, resp, err := p.connect(hostport)
	if err != nil {
		return 0, err
	}
	conn.Close()
	return resp.StatusCode, nil
}

// stop ends the stream.
func (tr *traffic) stop() {
	tr.once.Do(func() { close(tr.stopping) })
	tr.clients.Wait()
}

// check compares the clients' results with the log: each request was decided once, by a policy that was
// in force then, as that policy says, and its client got that result.
func (tr *traffic) check(t *testing.T, in []installed, all []audit.Record) {
	t.Helper()
	byDigest := make(map[string]int)
	for i, one := range in {
		byDigest[one.digest] = i
	}
	decided, closed := decisions(t, all)
	left := maps.Clone(tr.asked)
	known := 0 // policies in the log before the record
	allowed := 0
	for _, r := range decided {
		a, ok := left[r.Host]
		if !ok {
			if _, twice := tr.asked[r.Host]; twice {
				t.Errorf("seq %d: %s was decided twice", r.Seq, r.Host)
			}
			continue
		}
		delete(left, r.Host)
		for known < len(in) && in[known].seq < r.Seq {
			known++
		}
		policy, ok := byDigest[r.Policy]
		// A policy may decide before it is recorded.
		if !ok || policy < a.policy-1 || policy > known {
			t.Errorf("seq %d: %s was decided by policy %d (%s), want one from %d to %d", r.Seq, r.Host, policy, r.Policy, a.policy-1, known)
			continue
		}
		if problem := wronglyDecided(in[policy:], a, r, closed[r.ID]); problem != "" {
			t.Errorf("seq %d: %s %s: %s", r.Seq, r.Method, r.Host, problem)
		}
		if r.Decision == "allow" {
			allowed++
		}
	}
	for host, a := range left {
		t.Errorf("%s was not decided at all; its client saw %d (%v)", host, a.status, a.err)
	}
	t.Logf("%d requests, %d of them allowed", len(tr.asked), allowed)
}

// wronglyDecided says what is wrong with the decision about a, or with its client's result; empty if
// nothing is. The first of the policies is the one that decided.
func wronglyDecided(in []installed, a asked, decision, end audit.Record) string {
	permitted, reason := in[0].version.verdict(decision.Host)
	switch {
	case permitted != (decision.Decision == "allow") || decision.Reason != reason:
		return fmt.Sprintf("%s, %s, by policy %v, want %s", decision.Decision, decision.Reason, in[0].version, reason)
	case !permitted && a.status != http.StatusForbidden:
		return fmt.Sprintf("denied, but the client saw %d (%v)", a.status, a.err)
	case permitted && a.status != http.StatusOK && !caught(in, a, decision, end):
		return fmt.Sprintf("allowed, but the client saw %d (%v); it ended with %q", a.status, a.err, end.Error)
	}
	return ""
}

// caught reports whether the next policy forbids the request: it was cut before it began, or evaluated again before it
// was sent, and refused. In the latter case the close record says so.
func caught(in []installed, a asked, decision, end audit.Record) bool {
	refused := end.Error == "http_request_denied" && end.Decision == "deny" && a.status == http.StatusForbidden
	if len(in) < 2 || end.Error != "policy_changed" && !refused {
		return false
	}
	still, _ := in[1].version.verdict(decision.Host)
	return !still
}
