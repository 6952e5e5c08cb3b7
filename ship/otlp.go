package ship

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

const (
	// requestTimeout bounds one request with its response.
	requestTimeout = 30 * time.Second
	protobufType   = "application/x-protobuf"
)

// An otlp is the sink for a receiver of OTLP over HTTP.
type otlp struct {
	url       string
	headers   map[string]string
	tokenFile string // may be empty
	files     smallfile.Reader
	gzip      bool
	source    otlpSource
	refused   refusal
	client    *http.Client
	transport *http.Transport
	ingest    map[string]string // headers of requests with records, beside headers
}

func newOTLP(r *ReceiverSpec, host, version string, refused refusal) *otlp {
	d := newDialer(r)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return d.dial(ctx) }
	// No proxy is used. Both hooks are set, so that only the dialer decides about TLS.
	t := &http.Transport{DialContext: dial, DialTLSContext: dial, MaxIdleConns: 1, IdleConnTimeout: time.Minute}
	return &otlp{
		url: r.address().String(), headers: r.Headers, tokenFile: r.TokenFile, gzip: r.Compression == Gzip,
		source: otlpSource{host: host, version: version}, refused: refused, transport: t,
		client: &http.Client{Transport: t, Timeout: requestTimeout,
			// Records and the token must only go to the receiver that the configuration names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// deliver implements sink. Items of a request with response 200 have arrived.
func (o *otlp) deliver(ctx context.Context, items []item, _ bool) (int, error) {
	if len(items) == 0 {
		return 0, nil
	}
	err := o.post(ctx, items)
	var response *responseError
	if errors.As(err, &response) && response.refused() {
		return o.divide(ctx, items, response)
	}
	if err != nil {
		return 0, err
	}
	return len(items), nil
}

// close implements sink.
func (o *otlp) close() { o.transport.CloseIdleConnections() }

// post sends items as one request. The error is a *responseError if there was a response.
func (o *otlp) post(ctx context.Context, items []item) error {
	body := o.source.appendRequest(nil, items) // not reused: net/http may read it after Do has returned
	if o.gzip {
		var err error
		if body, err = pack(body); err != nil {
			return err
		}
	}
	req, err := o.request(ctx, body)
	if err != nil {
		return err
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, responseLimit))
	if resp.StatusCode != http.StatusOK {
		return newResponseError(resp, text)
	}
	if err != nil {
		return err
	}
	if rejected, why := partialSuccess(text); rejected > 0 {
		// The response does not say which ones, and they must not be sent again (OTLP 1.5, partial success).
		o.refused(items[0].through, items[len(items)-1].through, min(rejected, int64(len(items))), why)
	}
	return nil
}

// withoutURL returns the cause of an error of net/http. The error itself quotes the receiver's URL, whose query
// may hold a token.
func withoutURL(err error) error {
	var quoting *url.Error
	if errors.As(err, &quoting) {
		return quoting.Err
	}
	return err
}

func pack(body []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func (o *otlp) request(ctx context.Context, body []byte) (*http.Request, error) {
	req, err := o.ask(ctx, o.url, body)
	if err != nil {
		return nil, err
	}
	for name, value := range o.ingest {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", protobufType)
	if o.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	return req, nil
}

// ask makes a POST request to the receiver, with the configured headers and the token.
func (o *otlp) ask(ctx context.Context, url string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	for name, value := range o.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", strings.TrimSuffix("webproxy/"+o.source.version, "/"))
	if o.tokenFile == "" {
		return req, nil
	}
	token, err := privatefile.ReadToken(&o.files, o.tokenFile)
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req, nil
}
