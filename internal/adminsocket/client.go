package adminsocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
)

var (
	// ErrNotRunning is the error of Do if no proxy listens.
	ErrNotRunning = errors.New("no proxy is running")
	// ErrNotAllowed is the error of Do if the socket is for another user.
	ErrNotAllowed = fmt.Errorf("only the user that the proxy runs as, and administrators, may ask it: %w", fs.ErrPermission)
)

// A Client sends requests to the proxy that listens at Path. It is safe for concurrent use, and keeps no connection.
type Client struct {
	Path string
}

// Do sends a request with in as JSON, if it is not nil, and reads the response into out, if that is not nil. The error
// is ErrNotRunning or ErrNotAllowed if the proxy could not be reached, and an *Error if it refused. Do waits until ctx ends, or
// the server's Patience.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience+2*headPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://webproxy"+path, body)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, c.Path) },
		DisableKeepAlives: true,
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask the proxy at %s: %w", c.Path, meaning(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the proxy's response: %w", err)
	case len(data) > maxResponse:
		return fmt.Errorf("the proxy's response is larger than %d MiB", maxResponse>>20)
	case resp.StatusCode != http.StatusOK:
		e := &Error{Status: resp.StatusCode}
		if json.Unmarshal(data, e) != nil || e.Message == "" {
			e.Message = "the proxy responded " + resp.Status
		}
		return e
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("read the proxy's response: %w", err)
	}
	return nil
}

// meaning is ErrNotRunning or ErrNotAllowed if err means that, else err.
func meaning(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) || isRefused(err):
		return ErrNotRunning
	case errors.Is(err, fs.ErrPermission):
		return ErrNotAllowed
	}
	return err
}
