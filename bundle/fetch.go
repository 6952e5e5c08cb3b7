package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"webproxy/internal/smallfile"
)

// waitHeader in a response says that the server holds a request with wait=SECONDS until there is something new.
const waitHeader = "Webproxy-Bundle-Wait"

// maxWait bounds how long a server may hold a request.
const maxWait = 2 * time.Minute

// A Source is where bundles are published. It is not safe for concurrent use.
type Source struct {
	// From is an https:// URL or the path of a file.
	From string
	// Client fetches URLs. It must have timeouts for connecting and for response heads.
	Client *http.Client
	// Token is called for each request; its result, if not empty, is sent as a bearer token.
	Token func() (string, error)

	etag string
	wait time.Duration // that the server holds a request
	seen time.Time     // modification time of the file
}

// Fetch returns the bundle's bytes, unverified and at most MaxSize, or nil if they are those of the last call. With a
// server that can hold requests, Fetch returns when there is something new, or nil after at most maxWait.
func (s *Source) Fetch(ctx context.Context) ([]byte, error) {
	if !strings.Contains(s.From, "://") {
		return s.readFile()
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait+maxFetch)
	defer cancel()
	u, err := url.Parse(s.From)
	if err != nil {
		return nil, err
	}
	if s.wait > 0 && s.etag != "" {
		q := u.Query()
		q.Set("wait", strconv.Itoa(int(s.wait/time.Second)))
		u.RawQuery = q.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if s.etag != "" {
		r.Header.Set("If-None-Match", s.etag)
	}
	if s.Token != nil {
		token, err := s.Token()
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	s.wait = 0
	if n, err := strconv.Atoi(resp.Header.Get(waitHeader)); err == nil && n > 0 {
		s.wait = min(time.Duration(n)*time.Second, maxWait)
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s answers %s", u.Host, resp.Status)
	}
	data, err := readAll(resp.Body)
	if err != nil {
		return nil, err
	}
	s.etag = resp.Header.Get("ETag")
	return data, nil
}

// readAll reads at most MaxSize bytes. While it reads, it has only what was read in memory, and once as much at the end: io.ReadAll would
// take several times that for a server that sends without an end.
func readAll(r io.Reader) ([]byte, error) {
	const chunk = 64 << 10
	var parts [][]byte
	for size := 0; size <= MaxSize; {
		part, n := make([]byte, chunk), 0
		var err error
		for n < len(part) && err == nil {
			var more int
			more, err = r.Read(part[n:])
			n += more
		}
		size += n
		parts = append(parts, part[:n])
		switch {
		case err == io.EOF && size <= MaxSize:
			return bytes.Join(append(parts, []byte{}), nil), nil // not nil if there are none: that is what has not changed
		case err != nil && err != io.EOF:
			return nil, err
		}
	}
	return nil, fmt.Errorf("more than %d bytes", int64(MaxSize))
}

// maxFetch bounds one download.
const maxFetch = 5 * time.Minute

// Waits reports whether the server holds requests until there is something new, so that the next one may be sent at once.
func (s *Source) Waits() bool { return s.wait > 0 && s.etag != "" }

// Forget makes the next Fetch return the bytes even if they have not changed.
func (s *Source) Forget() { s.etag, s.seen = "", time.Time{} }

func (s *Source) readFile() ([]byte, error) {
	info, err := new(smallfile.Reader).Stat(s.From)
	if err != nil {
		return nil, err
	}
	if info.ModTime().Equal(s.seen) {
		return nil, nil
	}
	data, err := smallfile.Read(s.From, MaxSize)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	s.seen = info.ModTime()
	return data, nil
}
