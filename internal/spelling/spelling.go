// Package spelling finds the word that somebody probably meant: "did you mean".
package spelling

import "strings"

const (
	longest = 64 // bytes; no name is as long, and a longer word costs nothing
	slips   = 3  // more than these make another word
)

// Nearest returns the one of names that word is most likely a misspelling of, the first of equally near
// ones; "" if none is near. Case does not matter, nor whether parts are joined by "-" or "_".
func Nearest(word string, names []string) string {
	word = normalize(word)
	best, least := "", min(slips, 1+len(word)/3)+1
	for _, name := range names {
		if d := Distance(word, normalize(name)); d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

func normalize(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// Distance returns how many bytes must be inserted, removed, replaced, or swapped with their neighbour to
// make b of a (Damerau-Levenshtein, each pair swapped once). It is len(a) for an a of more than 64 bytes.
func Distance(a, b string) int {
	if len(a) > longest {
		return len(a)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
