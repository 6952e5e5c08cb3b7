package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"webproxy/internal/dnstest"

	"golang.org/x/net/dns/dnsmessage"
)

// cacheFor returns a cache that asks s, and the hand that moves its clock.
func cacheFor(s *dnstest.Server) (c *nameCache, pass func(time.Duration)) {
	c = newNameCache(Options{Resolver: s.Addr}.withDefaults(), nil)
	c.delay = time.Hour // not to depend on who answers first
	now := time.Now()
	c.now = func() time.Time { return now }
	return c, func(d time.Duration) { now = now.Add(d) }
}

func TestResolveAddresses(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.0.%d", i+1)
	}
	for _, tt := range []struct {
		name string
		want string // as a set, the order of families is the system's
		dns  []string
	}{
		{"one", "[10.0.0.1]", []string{"10.0.0.1"}},
		{"both families", "[10.0.0.1 fd00::1]", []string{"10.0.0.1", "fd00::1"}},
		{"each once", "[10.0.0.1 10.0.0.2]", []string{"10.0.0.1", "10.0.0.2", "10.0.0.1"}},
		{"IPv4-mapped is IPv4", "[169.254.169.254]", []string{"::ffff:169.254.169.254"}},
		{"no more than 16", "16", many},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := cacheFor(dnstest.Start(t, dnstest.Zone(60, tt.dns...)))
			addrs, err := c.lookup(t.Context(), "origin.test")
			if err != nil {
				t.Fatal(err)
			}
			addrs = slices.SortedFunc(slices.Values(addrs), netip.Addr.Compare) // it is shared
			if got := fmt.Sprint(addrs); got != tt.want && fmt.Sprint(len(addrs)) != tt.want {
				t.Errorf("lookup = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestUsableAddrsAlternateFamilies(t *testing.T) {
	for _, tt := range []struct{ want, in string }{
		{"fd00::1 10.0.0.1 fd00::2 10.0.0.2 10.0.0.3", "fd00::1 fd00::2 10.0.0.1 10.0.0.2 10.0.0.3"},
		{"10.0.0.1 fd00::1", "10.0.0.1 ::ffff:10.0.0.1 fd00::1 fe80::1%eth0"},
	} {
		var in []netip.Addr
		for s := range strings.FieldsSeq(tt.in) {
			in = append(in, netip.MustParseAddr(s))
		}
		if got := strings.Trim(fmt.Sprint(usableAddrs(in)), "[]"); got != tt.want {
			t.Errorf("usableAddrs(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestResolveAsksForTheVeryName: no search domain may be appended, to any kind of name.
func TestResolveAsksForTheVeryName(t *testing.T) {
	s := dnstest.Start(t, dnstest.Zone(60))
	c, _ := cacheFor(s)
	for _, name := range []string{"single", "two.labels", "_odd.example.test"} {
		c.lookup(t.Context(), name)
		if got, want := s.Take(), []string{"A " + name + ".", "AAAA " + name + "."}; !slices.Equal(got, want) {
			t.Errorf("lookup(%q) asked for %q, want %q", name, got, want)
		}
	}
}

func TestResolveKeepsAnswersForTheirTTL(t *testing.T) {
	const hour = 3600
	cname := func(ttl uint32) dnstest.Handler {
		return func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: ttl},
				Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("alias.test.")},
			})
			q.Name = dnsmessage.MustNewName("Alias.TEST.")
			return dnstest.Zone(hour, "10.0.0.1")(q, reply, tcp)
		}
	}
	only := func(code dnsmessage.RCode, ttl uint32) dnstest.Handler {
		return func(q dnsmessage.Question, reply *dnsmessage.Message, _ bool) bool {
			reply.RCode = code
			dnstest.AddSOA(reply, q, ttl)
			return true
		}
	}
	alias := func(ttl uint32) dnstest.Handler {
		return func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
			cname(ttl)(q, reply, tcp)
			reply.Answers = reply.Answers[:1]
			q.Name = dnsmessage.MustNewName("alias.test.")
			return only(dnsmessage.RCodeSuccess, hour)(q, reply, tcp)
		}
	}
	for _, tt := range []struct {
		name   string
		keep   time.Duration
		answer dnstest.Handler
	}{
		{"its TTL", 30 * time.Second, dnstest.Zone(30, "10.0.0.1")},
		{"the least TTL of both families", 20 * time.Second, func(q dnsmessage.Question, m *dnsmessage.Message, tcp bool) bool {
			ttl := map[dnsmessage.Type]uint32{dnsmessage.TypeA: 40, dnsmessage.TypeAAAA: 20}[q.Type]
			return dnstest.Zone(ttl, "10.0.0.1", "fd00::1")(q, m, tcp)
		}},
		{"the TTL of an alias", 10 * time.Second, cname(10)},
		{"a minute at most", time.Minute, dnstest.Zone(hour, "10.0.0.1")},
		{"TTL 0: not at all", 0, dnstest.Zone(0, "10.0.0.1")},
		{"TTL with the highest bit: not at all", 0, dnstest.Zone(1<<31, "10.0.0.1")},
		{"no such name: five seconds", 5 * time.Second, only(dnsmessage.RCodeNameError, hour)},
		{"no such name: less if the zone says so", 2 * time.Second, only(dnsmessage.RCodeNameError, 2)},
		{"no address", 3 * time.Second, dnstest.Zone(3)},
		{"an alias of nothing: five seconds", 5 * time.Second, alias(hour)},
		{"an alias of nothing: less if the alias does", 2 * time.Second, alias(2)},
		{"server trouble: not at all", 0, only(dnsmessage.RCodeServerFailure, hour)},
		{"refused: not at all", 0, only(dnsmessage.RCodeRefused, hour)},
		{"no address, but half of it is trouble: not at all", 0, func(q dnsmessage.Question, m *dnsmessage.Message, tcp bool) bool {
			if q.Type == dnsmessage.TypeAAAA {
				m.RCode = dnsmessage.RCodeServerFailure
				return true
			}
			return dnstest.Zone(hour)(q, m, tcp)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dnstest.Start(t, tt.answer)
			c, pass := cacheFor(s)
			addrs, err := c.lookup(t.Context(), "origin.test")
			asked := s.Queries()
			if tt.keep > 0 {
				pass(tt.keep - 1)
				again, err2 := c.lookup(t.Context(), "origin.test")
				if s.Queries() != asked {
					t.Errorf("asked again before %v were over", tt.keep)
				}
				if !slices.Equal(again, addrs) || !errors.Is(err2, err) {
					t.Errorf("kept answer is %v, %v; it was %v, %v", again, err2, addrs, err)
				}
				pass(1)
			}
			c.lookup(t.Context(), "origin.test")
			if s.Queries() == asked {
				t.Errorf("not asked again after %v", tt.keep)
			}
		})
	}
}

func TestResolveFromTheHostsFile(t *testing.T) {
	s := dnstest.Start(t, dnstest.Zone(60, "10.0.0.1"))
	c, pass := cacheFor(s)
	addrs, err := c.lookup(t.Context(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if s.Queries() > 0 {
		t.Skip("this system's hosts file has no localhost")
	}
	if !addrs[0].IsLoopback() {
		t.Errorf("localhost is %v", addrs)
	}
	if a := c.answers["localhost"]; a.expires.Sub(c.now()) != shortAnswerAge {
		t.Errorf("kept for %v, want %v", a.expires.Sub(c.now()), shortAnswerAge)
	}
	pass(shortAnswerAge)
	if _, err := c.lookup(t.Context(), "localhost"); err != nil {
		t.Error(err)
	}
}

func TestResolveTruncatedAnswerByTCP(t *testing.T) {
	c, pass := cacheFor(dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		if !tcp {
			reply.Truncated = true
			return true
		}
		return dnstest.Zone(30, "10.0.0.7")(q, reply, tcp)
	}))
	addrs, err := c.lookup(t.Context(), "origin.test")
	if err != nil || fmt.Sprint(addrs) != "[10.0.0.7]" {
		t.Fatalf("lookup = %v, %v", addrs, err)
	}
	pass(29 * time.Second) // its TTL was read from the stream
	c.server = "127.0.0.1:1"
	if _, err := c.lookup(t.Context(), "origin.test"); err != nil {
		t.Errorf("not kept for its TTL: %v", err)
	}
	pass(time.Second)
	if _, err := c.lookup(t.Context(), "origin.test"); err == nil {
		t.Error("kept longer than its TTL")
	}
}

func TestResolveTimeoutIsNotKept(t *testing.T) {
	s := dnstest.Start(t, func(dnsmessage.Question, *dnsmessage.Message, bool) bool { return false })
	c, _ := cacheFor(s)
	c.timeout = 50 * time.Millisecond
	_, err := c.lookup(t.Context(), "origin.test")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsTimeout {
		t.Errorf("lookup without an answer = %v, want a timeout", err)
	}
	if len(c.answers) != 0 {
		t.Error("a timeout was remembered")
	}
}

func TestResolveAsksAgainForALostPacket(t *testing.T) {
	t.Parallel()                       // it waits for two fifths of its time
	asked := map[dnsmessage.Type]int{} // touched by the server's goroutine only
	c, _ := cacheFor(dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		asked[q.Type]++
		return asked[q.Type] > 1 && dnstest.Zone(60, "10.0.0.1")(q, reply, tcp)
	}))
	c.timeout = 5 * time.Second // the second try is to be in time on a busy machine too
	if _, err := c.lookup(t.Context(), "origin.test"); err != nil {
		t.Errorf("lookup with the first packets lost: %v", err)
	}
}

func TestResolveIsBounded(t *testing.T) {
	c, pass := cacheFor(dnstest.Start(t, dnstest.Zone(30, "10.0.0.1")))
	c.limit = 8
	for i := range 30 {
		if i == 20 {
			pass(time.Minute)
		}
		if _, err := c.lookup(t.Context(), fmt.Sprintf("host%d.test", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.answers) != c.limit {
		t.Errorf("%d answers kept, want %d", len(c.answers), c.limit)
	}
}

func TestResolveHitDoesNotAllocate(t *testing.T) {
	c, _ := cacheFor(dnstest.Start(t, dnstest.Zone(30, "10.0.0.1")))
	c.lookup(t.Context(), "origin.test")
	if n := testing.AllocsPerRun(100, func() { c.lookup(t.Context(), "origin.test") }); n != 0 {
		t.Errorf("a kept answer costs %v allocations", n)
	}
}

// FuzzDNSNote: no message makes an answer live longer than allowed, or breaks the reader.
func FuzzDNSNote(f *testing.F) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName("a.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	for _, answer := range []dnstest.Handler{
		dnstest.Zone(0, "10.0.0.1"), dnstest.Zone(1<<31, "10.0.0.1"), dnstest.Zone(300, "10.0.0.1", "10.0.0.2"), dnstest.Zone(7),
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Questions: []dnsmessage.Question{q}}
		answer(q, &m, false)
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		n := &dnsNote{asked: true}
		n.read(msg)
		n.read(msg)
		if age := n.age(); age < 0 || age > maxAnswerAge {
			t.Errorf("age %v", age)
		}
		missing := &net.DNSError{IsNotFound: true}
		if age := n.negativeAge(missing); age < 0 || age > shortAnswerAge {
			t.Errorf("negative age %v", age)
		}
	})
}

func BenchmarkResolveHit(b *testing.B) {
	c, _ := cacheFor(dnstest.Start(b, dnstest.Zone(30, "10.0.0.1")))
	if _, err := c.lookup(b.Context(), "origin.test"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.lookup(b.Context(), "origin.test")
	}
}
