package egress

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

const maxCredentials = 4 << 10

// credentials are those for an upstream proxy, in a file that may be replaced. They are safe for concurrent use.
type credentials struct {
	path  string
	files smallfile.Reader

	mu       sync.Mutex // guards the fields below
	basic    string     // the field's value; empty until it was read
	size     int64      // of the file that it was read from
	modified time.Time
}

// authorization returns the value of Proxy-Authorization. No error of it quotes the file.
func (c *credentials) authorization(context.Context) (string, error) {
	info, err := c.files.Stat(c.path)
	if err != nil {
		return "", fmt.Errorf("credentials: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.basic != "" && info.Size() == c.size && info.ModTime().Equal(c.modified) {
		return c.basic, nil
	}
	b, err := privatefile.ReadBy(&c.files, c.path, maxCredentials)
	if err == nil {
		b, err = smallfile.Text(b) // a byte order mark is no part of the user's name
	}
	if err != nil {
		return "", fmt.Errorf("credentials: %w", err)
	}
	line := strings.TrimRight(string(b), "\r\n")
	if user, _, ok := strings.Cut(line, ":"); !ok || user == "" || strings.ContainsAny(line, "\r\n\x00") {
		return "", fmt.Errorf("credentials %s: want one line, user:password", c.path)
	}
	c.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(line)) // RFC 7617, 2
	c.size, c.modified = info.Size(), info.ModTime()
	return c.basic, nil
}

// close implements authorizer.
func (c *credentials) close() {}

// forget has the file read again, even if it looks unchanged: its content was not accepted.
func (c *credentials) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.basic = ""
}
