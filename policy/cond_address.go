package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/gaissmai/bart"
)

// A TagCheck says what happens if an address is not in the service tag.
type TagCheck uint8

const (
	TagEnforce TagCheck = iota // the connection is refused
	TagWarn                    // it is made, and the record says so
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
	digest   string // of the addresses
}

// compileAddress resolves the rule's conditions on addresses, once for all of its entries.
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
		c.failAt(at, "a deny is evaluated before there is an address", "drop service_tag")
	}
	t, err := c.tagAddresses(r.ServiceTag.Name)
	if err != nil {
		var said *SpecError
		if !errors.As(err, &said) {
			said = &SpecError{Msg: err.Error()}
		}
		c.failAt(at+".name", said.Msg, said.Hint)
		return private, nil
	}
	t.check = r.ServiceTag.Check
	return private, &t
}

// tagAddresses returns the service tag name, whose addresses are shared by all rules with it.
func (c *compiler) tagAddresses(name string) (serviceTag, error) {
	key := strings.ToLower(name)
	if t, ok := c.tags[key]; ok {
		return t, nil
	}
	prefixes, err := c.lib.Prefixes(name, c.place.Cloud)
	if err == nil && len(prefixes) == 0 {
		err = fmt.Errorf("service tag %q has no addresses", name)
	}
	if err != nil {
		return serviceTag{}, err
	}
	t := serviceTag{name: name, prefixes: new(bart.Lite)}
	for _, p := range prefixes {
		t.prefixes.Insert(p)
	}
	h := sha256.New()
	for p := range t.prefixes.AllSorted() {
		h.Write(p.AppendTo(nil))
		h.Write([]byte{'\n'})
	}
	t.digest = hex.EncodeToString(h.Sum(nil)) // in full: the policy's digest contains nothing else of them
	if c.tags == nil {
		c.tags = map[string]serviceTag{}
	}
	c.tags[key] = t
	return t, nil
}
