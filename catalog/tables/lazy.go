package tables

import (
	"regexp"
	"sync"
)

// lazy compiles an expression when it is first used: a proxy that starts imports no tables.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
