package egress

import "fmt"

// A Family is the IP version of the addresses that are used of a name.
type Family uint8

const (
	AnyFamily Family = iota // both; the first in the system's order (RFC 6724) is tried first
	IPv4                    // IPv6 addresses are not looked up
	IPv6
)

// families are the words of the configuration, and the networks of net.Resolver.
var families = [...]struct{ word, network string }{{"any", "ip"}, {"ipv4", "ip4"}, {"ipv6", "ip6"}}

// String returns the word used in the configuration.
func (f Family) String() string { return families[f].word }

func (f Family) network() string { return families[f].network }

// MarshalText implements encoding.TextMarshaler.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText accepts "any", "ipv4" and "ipv6".
func (f *Family) UnmarshalText(b []byte) error {
	for i, family := range families {
		if string(b) == family.word {
			*f = Family(i)
			return nil
		}
	}
	return fmt.Errorf("family %q: want any, ipv4 or ipv6", b)
}
