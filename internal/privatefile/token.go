package privatefile

import (
	"fmt"
	"strings"

	"webproxy/internal/smallfile"
)

// maxToken bounds a file of a token, in bytes.
const maxToken = 16 << 10

// ReadToken reads the file of a bearer token (RFC 6750, 2.1) by r, as ReadBy does: one line of printable ASCII without spaces, in
// any encoding that editors write (see smallfile.Text). Errors do not contain it.
func ReadToken(r *smallfile.Reader, path string) (string, error) {
	data, err := ReadBy(r, path, maxToken)
	if err == nil {
		data, err = smallfile.Text(data)
	}
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("%s: want one line of printable ASCII without spaces", path)
	}
	return token, nil
}
