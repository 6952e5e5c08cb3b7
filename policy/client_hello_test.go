package policy_test

import (
	"net/netip"
	"testing"

	"webproxy/policy"
)

// A rule that opens TLS demands nothing of those whom it is not for, and nothing once it has expired.
func TestOpeningDemands(t *testing.T) {
	set := compile(t, policy.Spec{
		Clients: map[string][]string{"opened": {"10.0.0.0/24"}, "nodes": {"10.0.9.0/24"}},
		Phases:  map[string]policy.PhaseSpec{"off": {}},
		Rules: []policy.RuleSpec{
			{ID: "a", Hosts: []string{"a.example.com"}, Ports: []uint16{443, 8443, 8444}},
			{ID: "open", For: []string{"opened"}, URL: "https://open.example.com/x", Inspect: true},
			{ID: "later", Phase: "off", URL: "https://open.example.com:8444/x", Inspect: true},
		},
	})
	for _, tt := range []struct{ want, client, port string }{
		{"tls_required", "10.0.0.1", "443"},
		{"allowed_by_rule", "10.0.0.1", "8443"},
		{"allowed_by_rule", "10.0.0.1", "8444"},
		{"allowed_by_rule", "10.0.9.1", "443"},
	} {
		req := ask(t, "https://a.example.com:"+tt.port)
		req.Client = netip.MustParseAddr(tt.client)
		d := set.CheckClientHello(set.Decide(req), req, policy.ClientHello{}, policy.ClientHelloDemands{})
		if got := d.Reason.String(); got != tt.want {
			t.Errorf("%s on %s: %s, want %s", tt.client, tt.port, got, tt.want)
		}
	}
}

func TestCheckClientHello(t *testing.T) {
	set := compile(t, policy.Spec{
		Clients: map[string][]string{"strict": {"10.0.0.0/24"}, "learning": {"10.0.9.0/24"}},
		Modes:   map[string]policy.Mode{"learning": policy.Learn},
		Rules: []policy.RuleSpec{
			{ID: "a", Hosts: []string{"a.example.com", "b.example.com", "192.0.32.10"}},
			{ID: "never", Deny: true, Hosts: []string{"evil.example.com"}},
			{ID: "open", URL: "https://open.example.com/x", Inspect: true, For: []string{"strict", "learning"}},
			{ID: "more", Hosts: []string{"a.example.com", "192.0.32.10"}, Ports: []uint16{8443}},
		},
	})
	none, name := policy.ClientHelloDemands{}, policy.ClientHelloDemands{SNI: true}
	for _, tt := range []struct {
		strict, learning string // outcome and reason
		to               string
		hello            policy.ClientHello
		must             policy.ClientHelloDemands
	}{
		{"allow allowed_by_rule", "allow allowed_by_rule", "a.example.com:8443", policy.ClientHello{}, none},
		{"allow allowed_by_rule", "allow allowed_by_rule", "a.example.com:8443", policy.ClientHello{TLS: true}, none},
		{"allow allowed_by_rule", "allow allowed_by_rule", "a.example.com", policy.ClientHello{TLS: true, SNI: "b.example.com"}, name},
		{"deny sni_mismatch", "would_deny sni_mismatch", "a.example.com", policy.ClientHello{TLS: true, SNI: "other.example.com"}, none},
		{"deny sni_mismatch", "deny sni_mismatch", "a.example.com", policy.ClientHello{TLS: true, SNI: "evil.example.com"}, none},
		{"deny sni_mismatch", "deny sni_mismatch", "a.example.com", policy.ClientHello{TLS: true, SNI: "a..example.com"}, none},
		// what is opened in a tunnel of its own does not pass unopened in another's
		{"deny sni_mismatch", "deny sni_mismatch", "a.example.com", policy.ClientHello{TLS: true, SNI: "open.example.com"}, none},
		// nor where tunnels on its port could hide which host they are for
		{"deny tls_required", "would_deny tls_required", "a.example.com", policy.ClientHello{}, none},
		{"deny sni_required", "would_deny sni_required", "a.example.com", policy.ClientHello{TLS: true}, none},
		{"allow allowed_by_rule", "allow allowed_by_rule", "192.0.32.10", policy.ClientHello{TLS: true}, none},
		{"deny tls_required", "would_deny tls_required", "192.0.32.10", policy.ClientHello{}, none},
		{"deny bad_hello", "deny bad_hello", "a.example.com", policy.ClientHello{TLS: true, Malformed: true}, none},
		{"deny tls_required", "would_deny tls_required", "a.example.com", policy.ClientHello{}, policy.ClientHelloDemands{TLS: true}},
		{"deny tls_required", "would_deny tls_required", "a.example.com", policy.ClientHello{}, name},
		{"deny sni_required", "would_deny sni_required", "a.example.com", policy.ClientHello{TLS: true}, name},
		// an address is no server name
		{"allow allowed_by_rule", "allow allowed_by_rule", "192.0.32.10", policy.ClientHello{TLS: true}, name},
		{"allow allowed_by_rule", "allow allowed_by_rule", "192.0.32.10", policy.ClientHello{TLS: true, SNI: "192.0.32.10"}, name},
		{"deny tls_required", "would_deny tls_required", "192.0.32.10", policy.ClientHello{}, name},
		// what was let through or refused before keeps its reason
		{"deny host_not_listed", "would_deny host_not_listed", "new.example.com", policy.ClientHello{}, name},
		{"deny host_not_listed", "would_deny host_not_listed", "new.example.com", policy.ClientHello{TLS: true, SNI: "other.example.com"}, none},
		{"deny host_not_listed", "deny sni_mismatch", "new.example.com", policy.ClientHello{TLS: true, SNI: "evil.example.com"}, none},
	} {
		for client, want := range map[string]string{"10.0.0.1": tt.strict, "10.0.9.1": tt.learning} {
			req := ask(t, "https://"+tt.to)
			req.Client = netip.MustParseAddr(client)
			d := set.CheckClientHello(set.Decide(req), req, tt.hello, tt.must)
			if got := string(d.Outcome()) + " " + d.Reason.String(); got != want {
				t.Errorf("%s to %s, %+v, demands %+v: %s, want %s", client, tt.to, tt.hello, tt.must, got, want)
			}
		}
	}
}
