package setting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Limit is a number that requests of one kind must not exceed: "host_not_listed > 5%" holds if they are more than one
// request in twenty. The zero Limit never holds.
type Limit struct {
	// Name is the kind of requests, one of those that ParseLimit was given.
	Name   string
	Number float64 // requests, or with Share per cent of all
	Share  bool
}

// leastForShare is the number of requests from which on a share counts.
const leastForShare = 100

// ParseLimit reads a limit on a kind that names has. An empty text is the zero Limit.
func ParseLimit(text string, names []string) (Limit, error) {
	fields := strings.Fields(strings.Replace(text, ">", " > ", 1))
	if len(fields) == 0 {
		return Limit{}, nil
	}
	if len(fields) != 3 || fields[1] != ">" {
		return Limit{}, fmt.Errorf("%q: want a name, > and a number, such as %s > 5%%", text, names[0])
	}
	if !slices.Contains(names, fields[0]) {
		return Limit{}, fmt.Errorf("%q: want one of %s", fields[0], strings.Join(names, ", "))
	}
	digits, share := strings.CutSuffix(fields[2], "%")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n >= 0) || share && n >= 100 || n > 1e15 {
		return Limit{}, fmt.Errorf("%q: want a number of requests, or a share such as 5%%", fields[2])
	}
	return Limit{fields[0], n, share}, nil
}

// The kinds of requests that a limit on a what-if may name.
const (
	NewlyDenied  = "newly_denied"  // permitted before, and denied by the other policy
	NewlyAllowed = "newly_allowed" // denied before, and permitted by the other policy
)

// WhatIfNames are all of these kinds.
func WhatIfNames() []string { return []string{NewlyDenied, NewlyAllowed} }

// Exceeded reports whether n of all requests are more than the limit. A share counts from 100 requests on.
func (l Limit) Exceeded(n, all uint64) bool {
	switch {
	case l.Name == "":
		return false
	case l.Share:
		return all >= leastForShare && float64(n)*100 > l.Number*float64(all)
	}
	return float64(n) > l.Number
}

// String is the limit as ParseLimit reads it.
func (l Limit) String() string {
	if l.Name == "" {
		return ""
	}
	text := l.Name + " > " + strconv.FormatFloat(l.Number, 'f', -1, 64)
	if l.Share {
		text += "%"
	}
	return text
}
