package policy_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"webproxy/policy"
)

// tagged is a library with one service tag, whatever its name.
type tagged struct {
	library
	prefixes []netip.Prefix
	asked    *int
}

func (l tagged) Prefixes(string, string) ([]netip.Prefix, error) {
	if l.asked != nil {
		*l.asked++
	}
	return l.prefixes, nil
}

func tagRule(id, host string, check policy.TagCheck) policy.RuleSpec {
	return policy.RuleSpec{ID: id, Hosts: []string{host}, ServiceTag: &policy.ServiceTagSpec{Name: "Tag", Check: check}}
}

func compileTagged(t testing.TB, lib tagged, rules ...policy.RuleSpec) *policy.Set {
	t.Helper()
	set, err := policy.Compile(&policy.Spec{Rules: rules}, lib, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A tag that only warns lets every address through, and tells.
func TestOutsideTag(t *testing.T) {
	lib := tagged{prefixes: []netip.Prefix{netip.MustParsePrefix("20.1.0.0/16")}}
	for _, tt := range []struct {
		check   policy.TagCheck
		addr    string
		outcome string
		outside bool
	}{
		{policy.TagEnforce, "20.1.2.3:443", "allow", false},
		{policy.TagEnforce, "20.2.2.3:443", "deny", true},
		{policy.TagWarn, "20.1.2.3:443", "allow", false},
		{policy.TagWarn, "20.2.2.3:443", "allow", true},
		{policy.TagWarn, "10.0.0.1:443", "deny", false}, // the guards come first
		{policy.TagOff, "20.2.2.3:443", "allow", false},
	} {
		set := compileTagged(t, lib, tagRule("a", "a.example.com", tt.check))
		d := set.Decide(ask(t, "https://a.example.com")).CheckAddr(netip.MustParseAddrPort(tt.addr))
		if string(d.Outcome()) != tt.outcome || d.OutsideTag() != tt.outside {
			t.Errorf("%s at %s: %s, outside %t, want %s, %t", tt.check, tt.addr, string(d.Outcome()), d.OutsideTag(), tt.outcome, tt.outside)
		}
		// Checked again at another address, it is told of that one.
		if d.Permit && d.CheckAddr(netip.MustParseAddrPort("20.1.9.9:443")).OutsideTag() {
			t.Errorf("%s: 20.1.9.9 is outside too", tt.check)
		}
	}
	// Of two rules the one that only warns has the wider choice, in either order.
	warn, enforce := tagRule("w", "a.example.com", policy.TagWarn), tagRule("e", "a.example.com", policy.TagEnforce)
	for _, rules := range [][]policy.RuleSpec{{warn, enforce}, {enforce, warn}} {
		d := compileTagged(t, lib, rules...).Decide(ask(t, "https://a.example.com"))
		if d = d.CheckAddr(netip.MustParseAddrPort("20.2.2.3:443")); !d.Permit || d.Rule() != "w" {
			t.Errorf("first %s: %s by %q", rules[0].ID, string(d.Outcome()), d.Rule())
		}
	}
}

// Another set of addresses is another policy, even if there are as many; their order does not matter.
func TestTagDigest(t *testing.T) {
	digest := func(prefixes ...string) string {
		var lib tagged
		for _, p := range prefixes {
			lib.prefixes = append(lib.prefixes, netip.MustParsePrefix(p))
		}
		return compileTagged(t, lib, tagRule("a", "a.example.com", policy.TagEnforce)).Digest()
	}
	a := digest("20.1.0.0/16", "2603:1000::/40")
	if b := digest("2603:1000::/40", "20.1.0.0/16"); a != b {
		t.Errorf("in another order: %s and %s", a, b)
	}
	if b := digest("20.2.0.0/16", "2603:1000::/40"); a == b {
		t.Errorf("other addresses, the same digest %s", a)
	}
}

// The addresses of a tag are read once, however many rules name it, in whatever case.
func TestTagIsShared(t *testing.T) {
	asked := 0
	lib := tagged{prefixes: []netip.Prefix{netip.MustParsePrefix("20.1.0.0/16")}, asked: &asked}
	other := tagRule("b", "b.example.com", policy.TagWarn)
	other.ServiceTag.Name = "tAG"
	set := compileTagged(t, lib, tagRule("a", "a.example.com", policy.TagEnforce), other)
	if asked != 1 {
		t.Errorf("read %d times", asked)
	}
	for host, want := range map[string]string{"a.example.com": "deny", "b.example.com": "allow"} {
		d := set.Decide(ask(t, "https://"+host)).CheckAddr(netip.MustParseAddrPort("8.8.8.8:443"))
		if string(d.Outcome()) != want {
			t.Errorf("%s: %s, want %s", host, string(d.Outcome()), want)
		}
	}
}

// manyPrefixes are as many as Microsoft's public file has, of the lengths it has: three quarters of
// them IPv4, most of these /24 to /32.
func manyPrefixes() []netip.Prefix {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[netip.Prefix]bool{}
	for len(seen) < 93_000 {
		var p netip.Prefix
		if len(seen)%4 == 3 {
			var b [16]byte
			binary.BigEndian.PutUint32(b[:], 0x26030000|r.Uint32N(1<<16))
			binary.BigEndian.PutUint64(b[4:], r.Uint64())
			p = netip.PrefixFrom(netip.AddrFrom16(b), 40+4*r.IntN(22))
		} else {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], 20<<24|r.Uint32N(1<<27))
			p = netip.PrefixFrom(netip.AddrFrom4(b), 20+r.IntN(13))
		}
		seen[p.Masked()] = true
	}
	all := make([]netip.Prefix, 0, len(seen))
	for p := range seen {
		all = append(all, p)
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	return all
}

// BenchmarkCheckAddr decides addresses by a tag of 93,000 prefixes, half of them inside.
func BenchmarkCheckAddr(b *testing.B) {
	prefixes := manyPrefixes()
	d := compileTagged(b, tagged{prefixes: prefixes}, tagRule("a", "a.example.com", policy.TagEnforce)).Decide(ask(b, "https://a.example.com"))
	var addrs [1024]netip.AddrPort
	for i := range addrs {
		a := prefixes[i*90].Addr()
		if i%2 == 0 {
			a = netip.AddrFrom4([4]byte{8, byte(i), byte(i >> 8), 1})
		}
		addrs[i] = netip.AddrPortFrom(a, 443)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.CheckAddr(addrs[i%len(addrs)])
		i++
	}
}

// BenchmarkCompileTag compiles a rule with that tag.
func BenchmarkCompileTag(b *testing.B) {
	lib := tagged{prefixes: manyPrefixes()}
	b.ReportAllocs()
	for b.Loop() {
		compileTagged(b, lib, tagRule("a", "a.example.com", policy.TagEnforce))
	}
}
