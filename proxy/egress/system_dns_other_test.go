//go:build !windows

package egress

import (
	"fmt"
	"testing"
)

// The servers that are told are those that package net asks.
func TestResolvConf(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "[127.0.0.1 ::1]",
		"# nameserver 10.0.0.9\n": "[127.0.0.1 ::1]",
		"search example.com\nnameserver 10.0.0.2\nnameserver\t10.0.0.3 # second\nnameserver nonsense\n": "[10.0.0.2 10.0.0.3]",
		"nameserver fe80::1%eth0\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4":        "[fe80::1%eth0 10.0.0.2 10.0.0.3]",
	} {
		if got := fmt.Sprint(parseResolvConf(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := (Options{Resolver: "10.0.0.2:5353"}).Servers(); len(got) != 1 || got[0] != "10.0.0.2:5353" {
		t.Errorf("with egress.resolver: %q", got)
	}
}
