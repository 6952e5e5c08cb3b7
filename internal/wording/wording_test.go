package wording_test

import (
	"testing"

	"webproxy/internal/wording"
)

func TestAmount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 records", 1: "1 record", 999: "999 records", 1000: "1,000 records", 1234567: "1,234,567 records"} {
		if got := wording.Amount(n, "record"); got != want {
			t.Errorf("Amount(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for want, got := range map[string]string{
		"1 entry": wording.Plural(1, "entry"), "2 entries": wording.Plural(2, "entry"), "0 rules": wording.Plural(0, "rule"),
		"3 prefixes": wording.Plural(3, "prefix"), "1000 hosts": wording.Plural(1000, "host"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOr(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := wording.Or(words...); got != want {
			t.Errorf("Or(%q) = %q, want %q", words, got, want)
		}
	}
}
