package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/certs"
	"webproxy/internal/hint"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

const (
	// maxLine bounds one line of a response, in bytes: a record of the largest size, with every byte escaped.
	maxLine = 8 << 20
	// maxAnswer bounds the response to one query, in bytes.
	maxAnswer = 1 << 30
)

// A Client queries one VictoriaLogs. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	http      *http.Client
	tokenFile string // may be empty
	timeout   time.Duration
	// Slice is about how many records are held in memory at a time. Zero means 50,000.
	Slice int
	// ReadLines has CountBy read the line of every record, where VictoriaLogs could count.
	ReadLines bool

	countSlice uint64 // how many records VictoriaLogs counts at a time; 0 for the default
}

// NewClient returns a Client of the VictoriaLogs that c names. It reads the certificate files and the token.
func NewClient(c *Config) (*Client, error) {
	base, err := serverURL(c.VictoriaLogs)
	if err != nil {
		return nil, fmt.Errorf("victorialogs %w", err)
	}
	files := certs.ClientFiles{CA: c.CA, Cert: c.Cert, Key: c.Key}
	tlsConfig, err := files.Config(new(smallfile.Reader))
	if err != nil {
		return nil, err
	}
	cl := &Client{base: base, tokenFile: c.TokenFile, timeout: c.Timeout.Or(defaultTimeout)}
	if _, err := cl.token(); err != nil {
		return nil, err
	}
	cl.http = &http.Client{
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSClientConfig: tlsConfig,
			TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		// The token and the queries are only for the server that the settings name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return cl, nil
}

// token reads the token from its file at each call; it is empty if there is none. Errors do not contain it.
func (c *Client) token() (string, error) {
	if c.tokenFile == "" {
		return "", nil
	}
	token, err := privatefile.ReadToken(new(smallfile.Reader), c.tokenFile)
	if err != nil {
		return "", fmt.Errorf("token_file: %w", err)
	}
	return token, nil
}

// Query runs a query in LogsQL and calls each with every line of the response; the line is valid until each returns. An
// error of each ends the query and is returned.
func (c *Client) Query(ctx context.Context, logsql string, each func(line []byte) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("%s has not answered within %s", c.base.Host, c.timeout))
	defer cancel()
	err := c.query(ctx, logsql, each)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (c *Client) query(ctx context.Context, logsql string, each func(line []byte) error) error {
	form := url.Values{"query": {logsql}, "timeout": {fmt.Sprintf("%dms", c.timeout.Milliseconds())}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("select/logsql/query").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	token, err := c.token()
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var quoting *url.Error
		if errors.As(err, &quoting) {
			err = quoting.Err
		}
		return fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	defer resp.Body.Close()
	if err := c.refusal(resp); err != nil {
		return err
	}
	return c.lines(resp.Body, each)
}

// refusal is the error for a response that is not a result.
func (c *Client) refusal(resp *http.Response) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && kind == "application/stream+json" {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	err := fmt.Errorf("%s answers %s", c.base.Host, resp.Status)
	switch {
	case resp.StatusCode == http.StatusOK:
		return hint.With(fmt.Errorf("%w, but %q and not lines of JSON", err, kind), "is victorialogs in "+FileName+" the URL of a VictoriaLogs, and not of a login page in front of it?")
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return hint.With(err, "set token_file, or cert and key, in "+FileName+" to log in")
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("%w: redirections are not followed", err)
	}
	return fmt.Errorf("%w: %s", err, shortText(text))
}

// shortText is untrusted text as one short line.
func shortText(b []byte) string {
	text := audit.Printable(strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "\ufffd")), " "))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// lines reads a response of lines.
func (c *Client) lines(body io.Reader, each func(line []byte) error) error {
	limited := &io.LimitedReader{R: body, N: maxAnswer}
	in := bufio.NewReaderSize(limited, 256<<10)
	var long []byte
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, line...); len(long) > maxLine {
				return fmt.Errorf("%s answers with a line of more than %d bytes", c.base.Host, maxLine)
			}
			continue
		}
		switch {
		case limited.N <= 0:
			return fmt.Errorf("%s answers with more than %d bytes", c.base.Host, maxAnswer)
		case err == io.EOF && len(line)+len(long) > 0:
			return fmt.Errorf("the answer of %s breaks off: %s", c.base.Host, shortText(append(long, line...)))
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read the answer of %s: %w", c.base.Host, err)
		}
		if len(long) > 0 {
			line = append(long, line...)
			long = nil
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		if line[0] != '{' { // an error after the response has begun is a line in it
			return fmt.Errorf("%s breaks off its answer: %s", c.base.Host, shortText(line))
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// rows runs a query for rows of few fields; VictoriaLogs returns all of them as text.
func (c *Client) rows(ctx context.Context, logsql string, each func(row map[string]string) error) error {
	return c.Query(ctx, logsql, func(line []byte) error {
		var row map[string]string
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("%s answers with a line that is none: %w", c.base.Host, err)
		}
		return each(row)
	})
}
