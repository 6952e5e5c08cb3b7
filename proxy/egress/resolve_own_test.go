package egress

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
	"webproxy/internal/dnstest"

	"golang.org/x/net/dns/dnsmessage"
)

// record is an A record of name, or a CNAME record if to is a name.
func record(name, to string) dnsmessage.Resource {
	rr := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 60}}
	if addr, err := netip.ParseAddr(to); err == nil {
		rr.Body = &dnsmessage.AResource{A: addr.As4()}
	} else {
		rr.Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}
	}
	return rr
}

// Only the addresses of the name that was asked for, or that its aliases lead to, are its addresses (RFC 5452, 6).
func TestResolveOwnAddressesOnly(t *testing.T) {
	chain := func(n int) (all []dnsmessage.Resource) {
		from := "origin.test."
		for i := range n {
			to := fmt.Sprintf("c%d.test.", i)
			all = append([]dnsmessage.Resource{record(from, to)}, all...) // in an order that helps nobody
			from = to
		}
		return append(all, record(from, "10.0.0.1"))
	}
	for _, tt := range []struct {
		name, want string
		answers    []dnsmessage.Resource
	}{
		{"its own", "[10.0.0.1]", []dnsmessage.Resource{record("origin.test.", "10.0.0.1")}},
		{"in other letters", "[10.0.0.1]", []dnsmessage.Resource{record("oRiGiN.TeSt.", "10.0.0.1")}},
		{"another name's", "[]", []dnsmessage.Resource{record("other.test.", "10.0.0.1")}},
		{"another name's beside", "[10.0.0.1]", []dnsmessage.Resource{record("other.test.", "10.0.0.2"), record("origin.test.", "10.0.0.1")}},
		{"by an alias", "[10.0.0.1]", chain(1)},
		{"by as many as may be", "[10.0.0.1]", chain(maxAliases)},
		{"by too many", "[]", chain(maxAliases + 1)},
		{"another name's alias", "[]", []dnsmessage.Resource{record("other.test.", "c.test."), record("c.test.", "10.0.0.1")}},
		{"beside an alias", "[]", []dnsmessage.Resource{record("origin.test.", "c.test."), record("origin.test.", "10.0.0.1")}},
		{"between aliases", "[]", []dnsmessage.Resource{record("origin.test.", "c.test."), record("c.test.", "d.test."), record("c.test.", "10.0.0.1")}},
		{"an alias that leads two ways", "[]", []dnsmessage.Resource{record("origin.test.", "c.test."), record("origin.test.", "d.test."), record("c.test.", "10.0.0.1")}},
		{"a circle", "[]", []dnsmessage.Resource{record("origin.test.", "c.test."), record("c.test.", "origin.test."), record("origin.test.", "10.0.0.1")}},
	} {
		for _, byTCP := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, " by TCP: ", byTCP), func(t *testing.T) {
				c, _ := cacheFor(dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
					reply.Truncated = byTCP && !tcp
					if q.Type == dnsmessage.TypeA && !reply.Truncated {
						reply.Answers = tt.answers
					}
					return true
				}))
				addrs, err := c.lookup(t.Context(), "origin.test")
				if got := fmt.Sprint(addrs); got != tt.want || (err == nil) != (len(addrs) > 0) {
					t.Errorf("lookup = %s, %v, want %s", got, err, tt.want)
				}
			})
		}
	}
}

// An answer to another question, or by another id, is dropped: the right one may come still.
func TestResolveWaitsForItsAnswer(t *testing.T) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName("origin.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	good := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true},
		Questions: []dnsmessage.Question{q},
		Answers:   []dnsmessage.Resource{record("origin.test.", "10.0.0.1")},
	}
	for name, change := range map[string]func(*dnsmessage.Message){
		"another id":    func(m *dnsmessage.Message) { m.ID = 8 },
		"a question":    func(m *dnsmessage.Message) { m.Response = false },
		"no question":   func(m *dnsmessage.Message) { m.Questions = nil },
		"two questions": func(m *dnsmessage.Message) { m.Questions = []dnsmessage.Question{q, q} },
		"another name": func(m *dnsmessage.Message) {
			m.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("other.test."), Type: q.Type, Class: q.Class}}
		},
		"another type": func(m *dnsmessage.Message) {
			m.Questions = []dnsmessage.Question{{Name: q.Name, Type: dnsmessage.TypeAAAA, Class: q.Class}}
		},
		"": func(*dnsmessage.Message) {},
	} {
		m := good
		change(&m)
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ownAnswer(packed, 7, q); ok != (name == "") {
			t.Errorf("%q: taken for the answer: %v", name, ok)
		}
	}
	// What does not parse is no reason to wait.
	packed, _ := good.Pack()
	own, ok := ownAnswer(packed[:len(packed)-1], 7, q)
	var m dnsmessage.Message
	if !ok || m.Unpack(own) != nil || m.RCode != dnsmessage.RCodeServerFailure || len(m.Answers) != 0 {
		t.Errorf("a broken answer: %v %+v", ok, m)
	}
}

// A strange zone's word on how long there is no such name is not taken.
func TestResolveOwnZoneOnly(t *testing.T) {
	c, _ := cacheFor(dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, _ bool) bool {
		reply.RCode = dnsmessage.RCodeNameError
		q.Name = dnsmessage.MustNewName("other.test.")
		dnstest.AddSOA(reply, q, 3600)
		return true
	}))
	if _, err := c.lookup(t.Context(), "origin.test"); !isNoSuchName(err) {
		t.Errorf("lookup: %v", err)
	}
	if len(c.answers) != 0 {
		t.Error("it was kept")
	}
}

// A type of address that is not answered for, or badly, delays nobody for longer than the delay, and is asked for
// again only where it is missed.
func TestResolveLateFamily(t *testing.T) {
	for name, bad := range map[string]func(q dnsmessage.Question, reply *dnsmessage.Message) bool{
		"silent": func(dnsmessage.Question, *dnsmessage.Message) bool { return false },
		"an answer to something else": func(q dnsmessage.Question, reply *dnsmessage.Message) bool {
			reply.ID++
			return true
		},
		"trouble": func(q dnsmessage.Question, reply *dnsmessage.Message) bool {
			reply.RCode = dnsmessage.RCodeServerFailure
			return true
		},
	} {
		for _, silent := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			s := dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
				if q.Type == silent {
					return bad(q, reply)
				}
				return dnstest.Zone(60, "10.0.0.1", "fd00::1")(q, reply, tcp)
			})
			c, _ := cacheFor(s)
			c.delay, c.timeout = time.Millisecond, time.Hour // which would be a test that hangs
			want := map[dnsmessage.Type]string{dnsmessage.TypeA: "[fd00::1]", dnsmessage.TypeAAAA: "[10.0.0.1]"}[silent]
			a := c.find(t.Context(), "origin.test")
			if got := fmt.Sprint(a.addrs); a.err != nil || got != want {
				t.Errorf("%s %v: %s, %v, want %s", name, silent, got, a.err, want)
			}
			if rest := map[dnsmessage.Type]string{dnsmessage.TypeA: "ip4", dnsmessage.TypeAAAA: "ip6"}[silent]; name != "trouble" && a.rest != rest {
				t.Errorf("%s %v: not waited for: %q, want %q", name, silent, a.rest, rest)
			}
		}
	}
}

// Where no connection comes of the addresses that were there in time, the others are waited for.
func TestResolveRest(t *testing.T) {
	origin := startOrigin(t)
	release := make(chan struct{})
	s := dnstest.Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		if q.Type == dnsmessage.TypeA {
			select {
			case <-release:
			default: // lost the first time
				close(release)
				return false
			}
			return dnstest.Zone(60, "127.0.0.1")(q, reply, tcp)
		}
		return dnstest.Zone(60, "fe80::1")(q, reply, tcp) // an address that no rule allows
	})
	e, err := New(Options{Resolver: s.Addr})
	if err != nil {
		t.Fatal(err)
	}
	e.names.delay, e.names.timeout = time.Millisecond, time.Minute
	d := decideFor(t, fmt.Sprintf("origin.test:%d", origin.Port()), true)
	conn, route, err := open(e, t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if route.Addr != origin {
		t.Errorf("connected to %v", route.Addr)
	}
}

// A family that is not wanted is not asked for.
func TestFamily(t *testing.T) {
	for family, want := range map[Family]string{
		AnyFamily: "[A origin.test. AAAA origin.test.] [10.0.0.1 fd00::1]",
		IPv4:      "[A origin.test.] [10.0.0.1]",
		IPv6:      "[AAAA origin.test.] [fd00::1]",
	} {
		s := dnstest.Start(t, dnstest.Zone(60, "10.0.0.1", "fd00::1"))
		c := newNameCache(Options{Resolver: s.Addr, Family: family}.withDefaults(), nil)
		c.delay = time.Hour
		addrs, err := c.lookup(t.Context(), "origin.test")
		if err != nil {
			t.Fatal(err)
		}
		found := append([]netip.Addr(nil), addrs...)
		if len(found) == 2 && found[0].Is6() {
			found[0], found[1] = found[1], found[0]
		}
		if got := fmt.Sprint(s.Take(), " ", found); got != want {
			t.Errorf("%v: %s, want %s", family, got, want)
		}
		b, _ := family.MarshalText()
		var read Family
		if err := read.UnmarshalText(b); err != nil || read != family {
			t.Errorf("%v is read as %v: %v", family, read, err)
		}
	}
	if err := new(Family).UnmarshalText([]byte("ipv5")); err == nil {
		t.Error("ipv5 is a family")
	}
}
