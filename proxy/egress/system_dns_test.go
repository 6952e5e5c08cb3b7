package egress

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// On Windows the servers of adapters without a default gateway are asked only if no other adapter has any, and which are not asked is said.
func TestSystemServers(t *testing.T) {
	addrs := func(s ...string) (all []netip.Addr) {
		for _, a := range s {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	out := dnsAdapter{name: "Ethernet", gateway: true, servers: addrs("10.0.0.1", "10.0.0.2")}
	management := dnsAdapter{name: "Management", servers: addrs("192.168.7.1")}
	storage := dnsAdapter{name: "Storage"}
	for _, tt := range []struct {
		what     string
		adapters []dnsAdapter
		rules    int
		asked    []netip.Addr
		warnings []string // parts of each
	}{
		{"one adapter", []dnsAdapter{out, storage}, 0, addrs("10.0.0.1", "10.0.0.2"), nil},
		{"another has servers too", []dnsAdapter{management, out}, 0, addrs("10.0.0.1", "10.0.0.2"), []string{`"Management" (192.168.7.1)`}},
		{"only one without a gateway has", []dnsAdapter{{name: "Ethernet", gateway: true}, management}, 0, addrs("192.168.7.1"), nil},
		{"the same by two adapters", []dnsAdapter{out, {name: "lo", servers: addrs("10.0.0.2")}}, 0, addrs("10.0.0.1", "10.0.0.2"), nil},
		{"rules", []dnsAdapter{out}, 2, addrs("10.0.0.1", "10.0.0.2"), []string{"2 rules"}},
		{"nothing", nil, 0, nil, nil},
	} {
		asked, _ := pickServers(tt.adapters)
		if !slices.Equal(asked, tt.asked) {
			t.Errorf("%s: asks %v, want %v", tt.what, asked, tt.asked)
		}
		got := dnsWarnings(tt.adapters, tt.rules)
		if len(got) != len(tt.warnings) {
			t.Errorf("%s: warnings %q, want %d", tt.what, got, len(tt.warnings))
			continue
		}
		for i, part := range tt.warnings {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: warning %q, want %q in it", tt.what, got[i], part)
			}
		}
	}
}
