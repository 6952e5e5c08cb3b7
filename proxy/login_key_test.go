//go:build unix

package proxy

import (
	"fmt"
	"net/http"
	"testing"

	"webproxy/policy"
	"webproxy/proxy/egress"
	"webproxy/proxy/internal/http1"
)

func TestLogsInConnection(t *testing.T) {
	for v, want := range map[string]bool{
		"NTLM": true, "ntlm abc=": true, " Negotiate\tx": true, "Kerberos x": true, "Nego2": true,
		"Basic x, NTLM abc": true, ", NTLM abc": true, "Basic x,\tnegotiate abc": true,
		"": false, "Basic TlRMTQ==": false, "NTLMv9 x": false, "Digest username=ntlm": false, "Bearer ntlm": false,
	} {
		if got := http1.LogsInConnection([]byte(v)); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
	for _, tt := range []struct {
		name, value string
		want        bool
	}{
		{"Www-Authenticate", `Basic realm="x", Negotiate`, true},
		{"Www-Authenticate", "Negotiate dG9rZW4=", true},
		{"Proxy-Authenticate", "NTLM", true},
		{"Persistent-Auth", "true", true},
		{"Persistent-Auth", "false", false},
		{"Www-Authenticate", `Basic realm="x"`, false},
	} {
		if got := offersLogin(http.Header{tt.name: {tt.value}}); got != tt.want {
			t.Errorf("%s: %s: %v", tt.name, tt.value, got)
		}
	}
}

// A connection to an upstream proxy that this proxy logs in, by Negotiate, is one client's; whoever gives its credentials with each
// request may share.
func TestLoginAtUpstream(t *testing.T) {
	s := &Server{}
	s.Prepare()
	defer s.Close()
	p := &egress.Upstream{}
	_, c := wirePair(t)
	d := policy.Decision{}
	d.Target, _ = policy.ParseTarget(policy.HTTP, "origin.test:80")
	key := func(fields ...string) originKey {
		h := http.Header{}
		for i := 0; i < len(fields); i += 2 {
			h.Set(fields[i], fields[i+1])
		}
		return s.keyTo(p, c, &d, h)
	}
	if k := key("Proxy-Authorization", "Basic x"); k.owner != nil {
		t.Error("Basic: not shared")
	}
	if k := key("Proxy-Authorization", "Negotiate x"); k.owner != c || k.target != (policy.Target{}) {
		t.Errorf("Negotiate: %+v", k)
	}
	if k := key("Proxy-Authorization", "Negotiate x", "Authorization", "NTLM x"); k.owner != c || k.target != d.Target {
		t.Errorf("a login at the origin too: %+v", k)
	}
}

// What one client may keep for itself is bounded.
func TestOwnedIsBounded(t *testing.T) {
	var p originPool
	defer p.drop()
	_, c := wirePair(t)
	var first originKey
	for i := range maxOwned + 1 {
		var key originKey
		key.target, _ = policy.ParseTarget(policy.HTTP, fmt.Sprintf("h%d.test:80", i))
		key = p.own(c, key)
		c, _ := poolPair(t, &p, key)
		if !p.give(c) {
			t.Fatal("not kept")
		}
		if i == 0 {
			first = key
		}
	}
	if p.take(first, nil) != nil || p.count != maxOwned {
		t.Errorf("%d are kept", p.count)
	}
	if p.gone(c); p.count != 0 || len(p.owned) != 0 {
		t.Errorf("%d are kept of a client that has gone", p.count)
	}
	// A full pool is no reason to break a login.
	p.owned = nil
	var key originKey
	free, _ := poolPair(t, &p, key)
	if !p.give(free) {
		t.Fatal("not kept")
	}
	p.count += maxIdleOrigins - 1
	own, _ := poolPair(t, &p, p.own(c, key))
	if !p.give(own) {
		t.Error("there is no room for a client's own")
	}
	p.count -= maxIdleOrigins - 1
}
