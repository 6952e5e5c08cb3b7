// Package wording writes numbers and what they count, for people.
package wording

import "strconv"

// Amount is "1 record" or "3,000 records".
func Amount(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return Comma(n) + " " + word + "s"
}

// Comma is n with a comma between thousands.
func Comma(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
