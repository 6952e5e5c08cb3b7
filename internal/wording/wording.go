// Package wording writes numbers with what they count, and lists of words, for people.
package wording

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is "1 record", "3,000 records" or "2 entries".
func Amount(n uint64, word string) string { return Comma(n) + " " + noun(n == 1, word) }

// Plural is Amount for small numbers: without a comma between thousands.
func Plural(n int, word string) string { return strconv.Itoa(n) + " " + noun(n == 1, word) }

// noun is word, or the plural of it.
func noun(one bool, word string) string {
	if one {
		return word
	}
	if stem, ok := strings.CutSuffix(word, "y"); ok {
		return stem + "ies"
	}
	if strings.HasSuffix(word, "x") {
		word += "e"
	}
	return word + "s"
}

// Comma is n with a comma between thousands.
func Comma(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Or is "a, b or c".
func Or(words ...string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Bytes is a number of bytes for people: three digits and a unit.
func Bytes(n uint64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
