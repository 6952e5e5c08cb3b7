package egress

import (
	"errors"
	"strings"
	"testing"
	"time"

	"webproxy/internal/setting"
)

func TestEgressOptionsCheck(t *testing.T) {
	for _, tt := range []struct {
		want string // the fields at fault
		o    Options
	}{
		{"", Options{}},
		{"", Options{Resolver: "10.0.0.2:53", Hosts: map[string][]string{"a.test": {"10.0.0.1", "fd00::1"}}}},
		{"", Options{Resolver: "[fd00::2]:53"}},
		{"resolver", Options{Resolver: "10.0.0.2"}},
		{"resolver", Options{Resolver: "dns.example.com:53"}},
		{"connect_timeout dns_timeout keep_alive max_names", Options{ConnectTimeout: -1, DNSTimeout: -1, KeepAlive: -1, MaxNames: -1}},
		{"keep_alive", Options{KeepAlive: time.Millisecond}},
		{"hosts.*.test", Options{Hosts: map[string][]string{"*.test": {"10.0.0.1"}}}},
		{"hosts.10.0.0.1", Options{Hosts: map[string][]string{"10.0.0.1": {"10.0.0.1"}}}},
		{"hosts.a.test", Options{Hosts: map[string][]string{"a.test": nil}}},
		{"hosts.a.test", Options{Hosts: map[string][]string{"A.test": {"10.0.0.1"}, "a.test": {"10.0.0.2"}}}},
		{"hosts.a.test[1]", Options{Hosts: map[string][]string{"a.test": {"10.0.0.1", "b.test"}}}},
		{"hosts.a.test[0]", Options{Hosts: map[string][]string{"a.test": {"fe80::1%eth0"}}}},
	} {
		var fields []string
		err := tt.o.Check()
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				var problem *setting.OptionError
				if !errors.As(err, &problem) {
					t.Fatalf("Check(%+v): %v is no OptionError", tt.o, err)
				}
				fields = append(fields, problem.Field)
			}
		}
		if got := strings.Join(fields, " "); got != tt.want || (err == nil) != (tt.want == "") {
			t.Errorf("Check(%+v) = %v, want problems with %q", tt.o, err, tt.want)
		}
		if _, err := New(tt.o); (err == nil) != (tt.want == "") {
			t.Errorf("NewEgress(%+v) = %v", tt.o, err)
		}
	}
}
