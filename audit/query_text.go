package audit

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

// textTest tests for a text, a wildcard or, where the field is a host, a host pattern.
func textTest(t test, op string, v token, text func(any) string) (test, *QueryError) {
	if err := noOrder(t.column, op); err != nil {
		return t, err
	}
	name := columns[t.column].name
	if err := checkWord(name, v); err != nil {
		return t, err
	}
	star := !v.quoted && strings.Contains(v.text, "*")
	if name == "host" || name == "sni" {
		p, err := policy.ParsePattern(v.text)
		switch {
		case err == nil && p.IsWildcard():
			t.told.Tail = p.Tail()
			t.holds = func(field any) bool { return p.Matches(text(field)) }
			t.texts = needText(p.Tail() + `"`)
			return t, nil
		case err == nil: // in its normal form; but an invalid host is in the log as it was sent
			normal := p.String()
			t.told.Equal = []string{normal, v.text}
			t.holds = func(field any) bool { s := text(field); return s == normal || s == v.text }
			t.texts = needText(`"`+normal+`"`, `"`+v.text+`"`)
			return t, nil
		case star:
			return t, &QueryError{Msg: err.Error(), Hint: "a host wildcard is as in rules; ~ takes any regular expression"}
		}
	}
	if star {
		t.holds = func(field any) bool { return wildcard(v.text, text(field)) }
		return t, nil
	}
	if (name == "policy" || name == "policy_old") && policy.IsShortDigest(v.text) { // as people are shown it
		t.holds = func(field any) bool { return policy.SameDigest(text(field), v.text) }
		t.texts = needText(`"` + v.text)
		return t, nil
	}
	t.told.Equal = []string{v.text}
	t.holds = func(field any) bool { return text(field) == v.text }
	if v.text != "" {
		t.texts = needText(`"` + v.text + `"`)
	}
	return t, nil
}

// checkWord refuses a word that the field never has: such a test would find nothing, and "nothing was denied" would
// be the wrong conclusion.
func checkWord(name string, v token) *QueryError {
	var words []string
	switch name {
	case "decision":
		for _, o := range policy.Outcomes() {
			words = append(words, string(o))
		}
	case "mode":
		words = []string{policy.Enforce.String(), policy.Learn.String()}
	case "scheme":
		words = []string{"http", "https"}
	case "type":
		for _, t := range Types() {
			words = append(words, string(t))
		}
	case "reason":
		for _, r := range policy.Reasons() {
			words = append(words, r.String())
		}
	default:
		return nil
	}
	if v.text == "" || !v.quoted && strings.Contains(v.text, "*") || slices.Contains(words, v.text) {
		return nil
	}
	err := &QueryError{Msg: fmt.Sprintf("no %s is %q", name, v.text), Hint: "want " + strings.Join(words, ", ")}
	if near := spelling.Nearest(v.text, words); near != "" {
		err.Hint = "did you mean " + near + "?"
	}
	if v.quoted { // a later version may have other words
		return nil
	}
	return err
}

// needText is texts as Query.need; nil if one of them might be written in another way in a line.
func needText(texts ...string) []string {
	for _, s := range texts {
		inner := strings.Trim(s, `"`)
		for i := range len(inner) {
			if c := inner[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
				return nil
			}
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// wildcard reports whether s matches pattern, in which a star stands for any text. Its time is at worst the product
// of their lengths.
func wildcard(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0: // let the last star take one more
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// listTest holds if one element of a list equals the text, or matches the wildcard.
func listTest(t test, op string, v token) (test, *QueryError) {
	if err := noOrder(t.column, op); err != nil {
		return t, err
	}
	pattern, star := v.text, !v.quoted && strings.Contains(v.text, "*")
	t.holds = func(field any) bool {
		return slices.ContainsFunc(*field.(*[]string), func(s string) bool {
			return s == pattern || star && wildcard(pattern, s)
		})
	}
	return t, nil
}
