package policy

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"
)

// A TagCheck says what happens if an address is not in the service tag.
type TagCheck uint8

const (
	TagEnforce TagCheck = iota // the connection is refused
	TagWarn                    // it is made, and the record tells
	TagOff                     // nothing is checked
)

var tagCheckWords = [...]string{"enforce", "warn", "off"}

// String returns the word used in the configuration.
func (c TagCheck) String() string { return tagCheckWords[c] }

// MarshalText implements encoding.TextMarshaler.
func (c TagCheck) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText accepts "enforce", "warn" and "off".
func (c *TagCheck) UnmarshalText(b []byte) error {
	for i, w := range tagCheckWords {
		if string(b) == w {
			*c = TagCheck(i)
			return nil
		}
	}
	return fmt.Errorf("check %q: want enforce, warn or off", b)
}

// A serviceTag is the addresses of a Microsoft service.
type serviceTag struct {
	name     string
	check    TagCheck
	prefixes *bart.Lite
}

// compileAddress resolves what the rule says of addresses, once for all of its entries.
func (c *compiler) compileAddress(r *RuleSpec, field string) (private bool, tag *serviceTag) {
	switch r.Private {
	case "":
	case "allow":
		private = true
	default:
		c.failAt(field+".private", fmt.Sprintf("%q: the only value is allow", r.Private), "")
	}
	if r.ServiceTag == nil || r.ServiceTag.Check == TagOff {
		return private, nil
	}
	at := field + ".service_tag"
	if private {
		c.failAt(at, "a service tag has public addresses only, and private: allow is for the others", "use one of the two")
	}
	if r.Deny {
		c.failAt(at, "a deny is judged before there is an address", "drop service_tag")
	}
	prefixes, err := c.lib.Prefixes(r.ServiceTag.Name, c.place.Cloud)
	if err == nil && len(prefixes) == 0 {
		err = fmt.Errorf("service tag %q has no addresses", r.ServiceTag.Name)
	}
	if err != nil {
		c.failAt(at+".name", err.Error(), "")
		return private, nil
	}
	return private, &serviceTag{name: r.ServiceTag.Name, check: r.ServiceTag.Check, prefixes: prefixTable(prefixes)}
}

func prefixTable(prefixes []netip.Prefix) *bart.Lite {
	t := new(bart.Lite)
	for _, p := range prefixes {
		t.Insert(p)
	}
	return t
}
