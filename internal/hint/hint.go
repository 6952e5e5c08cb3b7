// Package hint adds to an error what a person can do about it.
package hint

import "errors"

// A hinted error is an error and the hint that goes with it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// With returns err with a hint for a person: a short sentence that is printed after the error.
func With(err error, hint string) error { return hinted{err, hint} }

// Of returns the outermost hint of err, or "".
func Of(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
