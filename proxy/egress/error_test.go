package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"webproxy/internal/dnstest"
)

func TestOpenErrors(t *testing.T) {
	origin := startOrigin(t)
	dead := closedPort(t, "tcp", origin.String())
	noAnswer := dnstest.Start(t, func(dnsmessage.Question, *dnsmessage.Message, bool) bool { return false })
	noServer := closedPort(t, "udp", noAnswer.Addr)
	trouble := dnstest.Start(t, func(_ dnsmessage.Question, m *dnsmessage.Message, _ bool) bool {
		m.RCode = dnsmessage.RCodeServerFailure
		return true
	})
	hosts := map[string][]string{"origin.test": {"127.0.0.1"}, "twice.test": {"127.0.0.1", "127.0.0.2"}}
	for _, tt := range []struct {
		name   string
		word   string
		status int
		host   string
		port   uint16
		o      Options
	}{
		{"refused", "connection_refused", 502, "origin.test", dead, Options{Hosts: hosts}},
		{"all refused", "connection_refused", 502, "twice.test", dead, Options{Hosts: hosts}},
		{"no time", "connection_timeout", 504, "origin.test", origin.Port(), Options{Hosts: hosts, ConnectTimeout: 1}},
		{"no time for two", "connection_timeout", 504, "twice.test", origin.Port(), Options{Hosts: hosts, ConnectTimeout: 1}},
		{"no DNS answer", "dns_timeout", 504, "other.test", 443, Options{Resolver: noAnswer.Addr, DNSTimeout: 50 * time.Millisecond}},
		{"DNS trouble", "dns_error", 502, "other.test", 443, Options{Resolver: trouble.Addr}},
		{"no DNS server", "dns_error", 502, "other.test", 443, Options{Resolver: fmt.Sprintf("127.0.0.1:%d", noServer)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := New(tt.o)
			if err != nil {
				t.Fatal(err)
			}
			d := decideFor(t, fmt.Sprintf("%s:%d", tt.host, tt.port), true)
			_, _, err = open(e, t.Context(), d)
			var dial *DialError
			if !errors.As(err, &dial) || dial.Word != tt.word || dial.Status != tt.status {
				t.Errorf("Open = %v, want %s, %d", err, tt.word, tt.status)
			}
		})
	}
}

// closedPort returns a port of loopback where nobody listens until the test ends: a connection to the server at addr holds it.
func closedPort(t testing.TB, network string, addr string) uint16 {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

func TestOpenCancelled(t *testing.T) {
	s := dnstest.Start(t, func(dnsmessage.Question, *dnsmessage.Message, bool) bool { return false })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, o := range map[string]Options{
		"resolving":  {Resolver: s.Addr},
		"connecting": {Hosts: map[string][]string{"origin.test": {"127.0.0.1"}}},
	} {
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = open(e, ctx, decideFor(t, "origin.test:443", true))
		var dial *DialError
		if !errors.Is(err, context.Canceled) || errors.As(err, &dial) {
			t.Errorf("%s: Open = %v, want context.Canceled: nobody's fault", name, err)
		}
	}
}
