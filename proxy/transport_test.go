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

	"webproxy/policy"
)

func TestDialOrigin(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer server.Close()
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	authority := fmt.Sprintf("origin.test:%d", port)
	e := newTestEgress(t, "origin.test", "127.0.0.1")
	transport := &http.Transport{DialContext: (&Server{Egress: e}).dialOrigin}
	defer transport.CloseIdleConnections()
	d := decideFor(t, authority, true)

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
		if err := request(tt.ctx, tt.url); !errors.Is(err, ErrNotPermitted) {
			t.Errorf("%s: %v, want ErrNotPermitted", tt.name, err)
		}
	}
	if err := request(withDecision(t.Context(), d), "http://"+authority); err != nil {
		t.Errorf("the decided request: %v", err)
	}
}
