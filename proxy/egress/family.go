package egress

import "fmt"

// A Family says whose addresses of a name are used.
type Family uint8

const (
	AnyFamily Family = iota // both; the first in the system's order (RFC 6724) is tried first
	IPv4                    // nobody is asked for others
	IPv6
)

// families are the words of the configuration, and what net.Resolver calls them.
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
