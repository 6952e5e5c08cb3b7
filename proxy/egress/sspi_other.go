//go:build !windows

package egress

import "errors"

const hasSSPI = false

// systemToken returns an error: there is no SSPI.
func systemToken(string) ([]byte, error) { return nil, errors.New("this system has no SSPI") }
