package ship

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"webproxy/audit"
)

// shorten returns r as a line of at most limit bytes: first its longest lists are shortened, then its longest texts, marked as
// in the log: "… and 12 more", "…". The line is longer than limit if the record's numbers alone are.
func shorten(r audit.Record, limit int) (string, error) {
	lists := []*[]string{&r.Added, &r.Removed, &r.Sample}
	left := make([]int, len(lists)) // how many of the list are left out
	for i, l := range lists {
		*l = slices.Clone(*l)
		left[i] = 0
	}
	for {
		line, err := r.MarshalJSON()
		if err != nil || len(line) <= limit {
			return string(line), err
		}
		if !halveList(lists, left) && !halveText(&r) {
			return string(line), nil
		}
	}
}

// halveList removes half of the longest list; false if all are empty.
func halveList(lists []*[]string, left []int) bool {
	longest := 0
	for i, l := range lists {
		if len(*l) > len(*lists[longest]) {
			longest = i
		}
	}
	l := *lists[longest]
	if left[longest] > 0 {
		l = l[:len(l)-1] // "… and n more"
	}
	if len(l) == 0 {
		return false
	}
	keep := len(l) / 2
	left[longest] += len(l) - keep
	*lists[longest] = append(l[:keep], fmt.Sprintf("… and %d more", left[longest]))
	return true
}

// halveText cuts the longest text in half; false if no text is longer than its mark.
func halveText(r *audit.Record) bool {
	texts := []*string{&r.Path, &r.Detail, &r.Host, &r.SNI, &r.RuleSource, &r.Rule, &r.ClientName, &r.Group,
		&r.ServiceTag, &r.By, &r.Ticket, &r.Method, &r.Scheme, &r.Phase, &r.Error, &r.Site, &r.ID, &r.Reason}
	longest := slices.MaxFunc(texts, func(a, b *string) int { return len(*a) - len(*b) })
	s := *longest
	if len(s) <= 2*len("…") {
		return false
	}
	end := len(s) / 2
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	*longest = s[:end] + "…"
	return true
}
