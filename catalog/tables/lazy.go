package tables

import (
	"regexp"
	"sync"
)

// lazy compiles an expression on first use, so that it does not delay the start of the program.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
