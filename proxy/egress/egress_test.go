package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"webproxy/internal/dnstest"
	"webproxy/policy"
)

// open is e.Open for a Decision alone.
func open(e *Egress, ctx context.Context, d policy.Decision) (net.Conn, Route, error) {
	route := Route{Decision: d}
	conn, err := e.Open(ctx, &route)
	return conn, route, err
}

// decideFor decides a CONNECT to authority by a policy whose one rule allows host with that port,
// at private addresses too if private is set.
func decideFor(t testing.TB, authority string, private bool) policy.Decision {
	t.Helper()
	target, err := policy.ParseTarget(policy.HTTPS, authority)
	if err != nil {
		t.Fatal(err)
	}
	rule := policy.RuleSpec{ID: "test", Hosts: []string{target.Host()}, Ports: []uint16{target.Port()}}
	if private {
		rule.Private = "allow"
	}
	set, err := policy.Compile(&policy.Spec{Rules: []policy.RuleSpec{rule}}, nil, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Decide(&policy.Request{
		Time:   time.Now(),
		Client: netip.MustParseAddr("127.0.0.1"),
		Method: "CONNECT",
		Target: target,
	})
}

// newTestEgress returns an Egress that gives host the addresses addrs.
func newTestEgress(t testing.TB, host string, addrs ...string) *Egress {
	t.Helper()
	e, err := New(Options{Hosts: map[string][]string{host: addrs}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// startOrigin accepts connections on loopback, says hello, and returns its address.
func startOrigin(t testing.TB) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-over })
	return netip.MustParseAddrPort(ln.Addr().String())
}

func TestOpen(t *testing.T) {
	origin := startOrigin(t)
	for name, authority := range map[string]string{
		"name":    fmt.Sprintf("origin.test:%d", origin.Port()),
		"address": origin.String(),
	} {
		t.Run(name, func(t *testing.T) {
			d := decideFor(t, authority, true)
			conn, route, err := open(newTestEgress(t, "Origin.TEST.", "127.0.0.1"), t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			expectBytes(t, conn, "hello")
			if _, ok := conn.(*net.TCPConn); !ok {
				t.Errorf("conn is a %T: the kernel cannot move its bytes", conn)
			}
			if route.Addr != origin || conn.RemoteAddr().String() != origin.String() {
				t.Errorf("route to %v, connected to %v, want %v", route.Addr, conn.RemoteAddr(), origin)
			}
			if route.Decision != d {
				t.Errorf("route.Decision = %+v, want %+v", route.Decision, d)
			}
		})
	}
}

// newAsking returns an Egress that asks s, and waits for both types of addresses.
func newAsking(t *testing.T, s *dnstest.Server) *Egress {
	t.Helper()
	e, err := New(Options{Resolver: s.Addr})
	if err != nil {
		t.Fatal(err)
	}
	e.names.delay = time.Hour // not to depend on who answers first
	return e
}

func TestOpenRefusesWithoutPermit(t *testing.T) {
	s := dnstest.Start(t, dnstest.Zone(60, "127.0.0.1"))
	e := newAsking(t, s)
	denied := decideFor(t, "origin.test:443", true)
	denied.Permit = false
	for _, d := range []policy.Decision{{}, denied, policy.Refusal(policy.BadTarget)} {
		if _, _, err := open(e, t.Context(), d); !errors.Is(err, ErrNotPermitted) {
			t.Errorf("Open(%+v) = %v, want ErrNotPermitted", d, err)
		}
	}
	if s.Queries() > 0 {
		t.Error("a name was resolved for a decision that permits nothing")
	}
}

// TestOpenRefusesAddresses: whatever DNS says, these are not dialled; nor by dial alone, should a resolved
// address ever get that far without being checked.
func TestOpenRefusesAddresses(t *testing.T) {
	for _, tt := range []struct {
		private bool // the rule says private: allow
		addr    string
	}{
		{false, "127.0.0.1"},
		{false, "::1"},
		{false, "10.1.2.3"},
		{false, "192.168.0.1"},
		{false, "fd00::1"},
		{false, "::ffff:127.0.0.1"},
		{true, "169.254.169.254"},
		{true, "::ffff:169.254.169.254"},
		{true, "168.63.129.16"},
		{true, "fd00:ec2::254"},
		{true, "fe80::1"},
		{true, "224.0.0.1"},
		{true, "ff02::1"},
		{true, "0.0.0.0"},
		{true, "::"},
		{true, "::ffff:0.0.0.0"},
		{true, "64:ff9b::a9fe:a9fe"}, // 169.254.169.254 behind NAT64
	} {
		d := decideFor(t, "origin.test:443", tt.private)
		e := newTestEgress(t, "origin.test", tt.addr)
		conn, route, err := open(e, t.Context(), d)
		var refused *RefusedError
		if conn != nil || !errors.As(err, &refused) {
			t.Errorf("Open at %s: %v, want a RefusedError", tt.addr, err)
			continue
		}
		if r := refused.Decision; r.Permit || r.Reason != policy.PrivateAddress || r.Target != d.Target {
			t.Errorf("Open at %s: decision %+v, want private_address", tt.addr, r)
		}
		if route.Addr.IsValid() || route.Connect != 0 {
			t.Errorf("Open at %s: dialled, %+v", tt.addr, route)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = e.dial(ctx, (&Route{Decision: d}).checkAddr, netip.AddrPortFrom(netip.MustParseAddr(tt.addr), 443))
		cancel()
		if !errors.As(err, &refused) {
			t.Errorf("dial %s past Open: %v, want a RefusedError", tt.addr, err)
		}
	}
}

// The dialer connects sockets to the address that was checked, and to no other.
func TestDialOnlyChecked(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want error
	}{
		{"nothing checked", t.Context(), ErrNotPermitted},
		{"another address checked", context.WithValue(t.Context(), checkedKey{}, "127.0.0.1:1"), ErrNotPermitted},
		{"checked", context.WithValue(t.Context(), checkedKey{}, addr), nil},
	} {
		conn, err := e.dialer.DialContext(tt.ctx, "tcp", addr)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

func TestOpenSkipsRefusedAddresses(t *testing.T) {
	origin := startOrigin(t)
	d := decideFor(t, fmt.Sprintf("origin.test:%d", origin.Port()), true)
	conn, route, err := open(newTestEgress(t, "origin.test", "169.254.169.254", "fe80::1", "127.0.0.1"), t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if route.Addr != origin {
		t.Errorf("route to %v, want %v", route.Addr, origin)
	}
}

// TestOpenRebinding: a name that is harmless when checked and something else when dialled. It is
// resolved once for each Open, so there is no second answer to dial.
func TestOpenRebinding(t *testing.T) {
	origin := startOrigin(t)
	answers := map[string]string{"A 1": "127.0.0.1", "A 2": "169.254.169.254"}
	asked := map[dnsmessage.Type]int{} // touched by the server's goroutine only
	s := dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		asked[q.Type]++
		key := fmt.Sprintf("%s %d", strings.TrimPrefix(q.Type.String(), "Type"), asked[q.Type])
		if addr, ok := answers[key]; ok {
			dnstest.AddRecord(reply, q, netip.MustParseAddr(addr), 0)
		}
		return true
	})
	e := newAsking(t, s)
	d := decideFor(t, fmt.Sprintf("rebinds.test:%d", origin.Port()), true)
	conn, route, err := open(e, t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := conn.RemoteAddr().String(); got != "127.0.0.1:"+fmt.Sprint(origin.Port()) || got != route.Addr.String() {
		t.Errorf("connected to %s by %v, want what was checked first", got, route.Addr)
	}
	if s.Queries() != 2 {
		t.Errorf("asked %d times, want once for each type", s.Queries())
	}
	var refused *RefusedError
	if _, _, err := open(e, t.Context(), d); !errors.As(err, &refused) {
		t.Errorf("second Open = %v, want a RefusedError", err)
	}
}

func TestOpenNextAddressAfterADeadOne(t *testing.T) {
	origin := startOrigin(t)
	d := decideFor(t, fmt.Sprintf("origin.test:%d", origin.Port()), true)
	conn, route, err := open(newTestEgress(t, "origin.test", "127.0.0.2", "127.0.0.3", "127.0.0.1"), t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if route.Addr != origin {
		t.Errorf("route to %v, want %v", route.Addr, origin)
	}
}

// TestOpenIgnoresTheEnvironment: with every variable set that other programs obey.
func TestOpenIgnoresTheEnvironment(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("GODEBUG", "netdns=cgo,multipathtcp=1")
	t.Setenv("RES_OPTIONS", "ndots:9")
	t.Setenv("LOCALDOMAIN", "elsewhere.test")
	origin := startOrigin(t)
	s := dnstest.Start(t, dnstest.Zone(60, "127.0.0.1"))
	e := newAsking(t, s)
	conn, _, err := open(e, t.Context(), decideFor(t, fmt.Sprintf("origin:%d", origin.Port()), true))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	expectBytes(t, conn, "hello")
	if got := fmt.Sprint(s.Take()); got != "[A origin. AAAA origin.]" {
		t.Errorf("asked for %s", got)
	}
	if multi, _ := conn.(*net.TCPConn).MultipathTCP(); multi {
		t.Error("multipath TCP is on")
	}
}

func BenchmarkOpen(b *testing.B) {
	origin := startOrigin(b)
	e := newTestEgress(b, "origin.test", "127.0.0.1")
	d := decideFor(b, fmt.Sprintf("origin.test:%d", origin.Port()), true)
	b.ReportAllocs()
	for b.Loop() {
		conn, _, err := open(e, b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		conn.(*net.TCPConn).SetLinger(0) // or the ports run out
		conn.Close()
	}
}

func expectBytes(t testing.TB, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}
