package egress

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"webproxy/policy"
)

// oneTag is a library with one service tag, 10.0.0.0/8.
type oneTag struct{}

func (oneTag) List(string, policy.Place) (policy.List, error) { return policy.List{}, nil }
func (oneTag) File(string) (*policy.Entries, error)           { return nil, nil }
func (oneTag) Prefixes(string, string) ([]netip.Prefix, error) {
	return []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, nil
}

// TestOpenOutsideTheServiceTag: the address turns the verdict. In learn mode it is dialled all the
// same, and the route says what enforcement would have said. Nothing is sent: time is out at once.
func TestOpenOutsideTheServiceTag(t *testing.T) {
	target, err := policy.ParseTarget(policy.HTTPS, "origin.test:443")
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{
		Hosts:          map[string][]string{"origin.test": {"8.8.8.8"}},
		ConnectTimeout: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []policy.Mode{policy.Enforce, policy.Learn} {
		set, err := policy.Compile(&policy.Spec{
			Modes: map[string]policy.Mode{"default": mode},
			Rules: []policy.RuleSpec{{
				ID:         "tagged",
				Hosts:      []string{target.Host()},
				ServiceTag: &policy.ServiceTagSpec{Name: "Storage"},
			}},
		}, oneTag{}, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		d := set.Decide(&policy.Request{
			Time:   time.Now(),
			Client: netip.MustParseAddr("127.0.0.1"),
			Method: "CONNECT",
			Target: target,
		})
		if d.Verdict != policy.Allow {
			t.Fatalf("%v: decision %+v, want allow", mode, d)
		}
		_, route, err := open(e, t.Context(), d)
		checked, dialled := route.Decision, true
		if refused := (*RefusedError)(nil); errors.As(err, &refused) {
			checked, dialled = refused.Decision, false
		}
		if dialled != (mode == policy.Learn) || route.Addr.IsValid() != dialled {
			t.Errorf("%v: Open = %v, route %+v", mode, err, route)
		}
		if checked.Permit != dialled || checked.Verdict != policy.Deny || checked.Reason != policy.ServiceTagMismatch {
			t.Errorf("%v: checked %+v, want service_tag_mismatch", mode, checked)
		}
	}
}
