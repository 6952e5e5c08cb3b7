package policy

import (
	"fmt"
	"slices"
	"strings"
)

// checkMethod evaluates the method as the proxy sees it: for a tunnel that is CONNECT. Methods are case-sensitive
// (RFC 9110, 9.1), but not for every origin: a deny holds for all spellings.
func (e *entry) checkMethod(method string) Reason {
	methods := e.block.methods
	if methods == nil || slices.Contains(methods, method) {
		return reasonUnset
	}
	if e.block.deny && slices.ContainsFunc(methods, func(m string) bool { return strings.EqualFold(m, method) }) {
		return reasonUnset
	}
	return MethodNotAllowed
}

// compileMethods checks the rule's methods, once for all of its entries.
func (c *compiler) compileMethods(r *RuleSpec, field string) []string {
	for i, m := range r.Methods {
		if !validMethod(m) {
			c.failAt(fmt.Sprintf("%s.methods[%d]", field, i), fmt.Sprintf("method %q: want capital letters, such as GET", m), "")
		}
	}
	return r.Methods
}

func validMethod(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
