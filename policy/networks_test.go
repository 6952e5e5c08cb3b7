package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// decideAt is what spec says of a GET or CONNECT for host, which has the address addr.
func decideAt(t *testing.T, spec *Spec, method, host, addr string) Decision {
	t.Helper()
	spec.Clients = map[string][]string{"local": {"10.0.0.0/8"}, "other": {"10.1.0.0/16"}}
	set, err := Compile(spec, nil, Env{})
	if err != nil {
		t.Fatal(err)
	}
	target, err := ParseTarget(HTTP, host+":80")
	if err != nil {
		t.Fatal(err)
	}
	d := set.Decide(&Request{Time: time.Now(), Client: netip.MustParseAddr("10.0.0.9"), Method: method, Target: target, Path: "/p"})
	if !d.Permit {
		return d
	}
	return d.CheckAddr(netip.AddrPortFrom(netip.MustParseAddr(addr), 80))
}

func all(more ...RuleSpec) *Spec {
	return &Spec{Rules: append(more, RuleSpec{ID: "all", Hosts: []string{"*.example.test"}, Schemes: []Scheme{HTTP}, Private: "allow"})}
}

// An address that carries an IPv4 address is what it leads to.
func TestInnerAddresses(t *testing.T) {
	for _, tt := range []struct {
		addr  string
		nat64 []string
		want  Reason
	}{
		{"2a01:111::5efe:8.8.8.8", nil, AllowedByRule},
		{"2a01:111::5efe:169.254.169.254", nil, PrivateAddress},
		{"2a01:111::200:5efe:169.254.169.254", nil, PrivateAddress},
		{"2002:808:808::5efe:a9fe:a9fe", nil, PrivateAddress}, // 6to4 and ISATAP
		{"2002:a9fe:a9fe::1", nil, PrivateAddress},
		{"64:ff9b::169.254.169.254", nil, PrivateAddress},
		{"2a01:64::a9fe:a9fe", nil, AllowedByRule}, // nobody said what it is
		{"2a01:64::a9fe:a9fe", []string{"2a01:64::/96"}, PrivateAddress},
		{"2a01:64::808:808", []string{"2a01:64::/96"}, AllowedByRule},
		{"2a01:64:a9fe:a9fe::", []string{"2a01:64::/32"}, PrivateAddress},
		{"2a01:64:1a9:fea9:fe::", []string{"2a01:64:100::/40"}, PrivateAddress},
		{"2a01:64:1:a9fe:a9:fe00::", []string{"2a01:64:1::/48"}, PrivateAddress},
		{"2a01:64:1:1a9:fe:a9fe::", []string{"2a01:64:1:100::/56"}, PrivateAddress},
		{"2a01:64:1:1:a9:fea9:fe00:0", []string{"2a01:64:1:1::/64"}, PrivateAddress},
		{"64:ff9b:1::808:808", nil, PrivateAddress},
		{"64:ff9b:1::808:808", []string{"64:ff9b:1::/96"}, AllowedByRule},
	} {
		spec := all()
		spec.NAT64 = tt.nat64
		if d := decideAt(t, spec, "GET", "a.example.test", tt.addr); d.Reason != tt.want {
			t.Errorf("%s, nat64 %v: %v, want %v", tt.addr, tt.nat64, d.Reason, tt.want)
		}
	}
}

// No rule beats deny_networks, and no mode.
func TestDenyNetworks(t *testing.T) {
	for addr, want := range map[string]Reason{
		"10.20.0.1":            NetworkDenied,
		"::ffff:10.20.0.1":     NetworkDenied,
		"64:ff9b::10.20.0.1":   NetworkDenied,
		"2a01:111:5::1":        NetworkDenied,
		"8.8.8.8":              NetworkDenied,
		"8.8.8.9":              AllowedByRule,
		"10.21.0.1":            AllowedByRule,
		"2a01::5efe:10.20.0.1": NetworkDenied,
	} {
		spec := all()
		spec.Modes = map[string]Mode{"default": Learn}
		spec.DenyNetworks = []string{"10.20.0.0/16", "8.8.8.8", "2a01:111:5::/48"}
		d := decideAt(t, spec, "GET", "a.example.test", addr)
		if d.Reason != want || d.Permit != (want == AllowedByRule) {
			t.Errorf("%s: %v", addr, d.Reason)
		}
	}
	for _, bad := range []string{"10.20.0.1/16", "x", "::ffff:10.0.0.0/104", "fe80::1%eth0"} {
		if _, err := Compile(&Spec{DenyNetworks: []string{bad}}, nil, Env{}); err == nil || !strings.Contains(err.Error(), "deny_networks[0]") {
			t.Errorf("deny_networks %s: %v", bad, err)
		}
	}
	for _, bad := range []string{"2a01::/33", "10.0.0.0/8", "2a01::1/96", "x"} {
		if _, err := Compile(&Spec{NAT64: []string{bad}}, nil, Env{}); err == nil || !strings.Contains(err.Error(), "nat64[0]") {
			t.Errorf("nat64 %s: %v", bad, err)
		}
	}
}

// A deny on an address holds for names that have it, where its conditions do.
func TestDenyOnAddressBindsNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		deny RuleSpec
		addr string
		want Reason
	}{
		{"its address", RuleSpec{}, "8.8.8.8", DeniedByRule},
		{"by NAT64", RuleSpec{}, "64:ff9b::8.8.8.8", DeniedByRule},
		{"another", RuleSpec{}, "8.8.4.4", AllowedByRule},
		{"another port", RuleSpec{Ports: []uint16{443}}, "8.8.8.8", AllowedByRule},
		{"another group", RuleSpec{For: []string{"other"}}, "8.8.8.8", AllowedByRule},
		{"this group", RuleSpec{For: []string{"local"}}, "8.8.8.8", DeniedByRule},
		{"another method", RuleSpec{Methods: []string{"POST"}}, "8.8.8.8", AllowedByRule},
		{"this method", RuleSpec{Methods: []string{"GET"}}, "8.8.8.8", DeniedByRule},
	} {
		tt.deny.ID, tt.deny.Deny, tt.deny.Hosts = "no", true, []string{"8.8.8.8"}
		d := decideAt(t, all(tt.deny), "GET", "a.example.test", tt.addr)
		if d.Reason != tt.want || d.Permit != (tt.want == AllowedByRule) || d.Reason == DeniedByRule && d.Rule() != "no" {
			t.Errorf("%s: %v by %q", tt.name, d.Reason, d.Rule())
		}
	}
}
