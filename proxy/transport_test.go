package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"testing"
	"time"

	"webproxy/policy"
	"webproxy/proxy/egress"
)

func TestDialOrigin(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	authority := fmt.Sprintf("origin.test:%d", port)
	e, err := egress.New(egress.Options{Hosts: map[string][]string{"origin.test": {"127.0.0.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: (&Server{Egress: e}).dialOrigin}
	defer transport.CloseIdleConnections()
	d := decideConnect(t, authority)

	request := func(ctx context.Context, url string) error {
		announce := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			info.Conn.(*originConn).responses.Expect("GET", false)
		}}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, announce), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		expect(t, resp.Body, "hello")
		return nil
	}
	for _, tt := range []struct {
		name string
		ctx  context.Context
		url  string
	}{
		{"no decision", t.Context(), "http://" + authority},
		{"another host", withDecision(t.Context(), d), fmt.Sprintf("http://other.test:%d", port)},
		{"its address", withDecision(t.Context(), d), server.URL},
		{"another port", withDecision(t.Context(), d), "http://origin.test:1"},
		{"no permit", withDecision(t.Context(), d.Refused(policy.Loop)), "http://" + authority},
	} {
		if err := request(tt.ctx, tt.url); !errors.Is(err, egress.ErrNotPermitted) {
			t.Errorf("%s: %v, want ErrNotPermitted", tt.name, err)
		}
	}
	if err := request(withDecision(t.Context(), d), "http://"+authority); err != nil {
		t.Errorf("the decided request: %v", err)
	}
}

// decideConnect decides a CONNECT to authority by a policy whose one rule allows it, at private addresses too.
func decideConnect(t testing.TB, authority string) policy.Decision {
	t.Helper()
	target, err := policy.ParseTarget(policy.HTTPS, authority)
	if err != nil {
		t.Fatal(err)
	}
	rule := policy.RuleSpec{ID: "test", Hosts: []string{target.Host()}, Ports: []uint16{target.Port()}, Private: "allow"}
	set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{rule}}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Decide(&policy.Request{Time: time.Now(), Client: netip.MustParseAddr("127.0.0.1"), Method: "CONNECT", Target: target})
}
