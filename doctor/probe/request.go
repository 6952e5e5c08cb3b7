package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"webproxy/doctor"
)

const (
	maxRead = 1 << 20 // bytes of one response, its head included
	maxBody = 4 << 10 // bytes of a body that are inspected
	agent   = "webproxy-doctor"
)

// dial connects to the proxy. The connection ends with ctx; the caller calls the function that is returned, and closes it.
func (p *Prober) dial(ctx context.Context) (net.Conn, func() bool, error) {
	d := net.Dialer{}
	if p.Source.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: p.Source.AsSlice()}
	}
	conn, err := d.DialContext(ctx, "tcp", p.Proxy)
	if err != nil {
		return nil, nil, err
	}
	return conn, context.AfterFunc(ctx, func() { conn.Close() }), nil
}

// request makes one request; part is the value of Range, if any.
func (p *Prober) request(ctx context.Context, u *url.URL, part string) doctor.Hop {
	hop := doctor.Hop{URL: u, Length: -1}
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	began := time.Now()
	conn, stop, err := p.dial(ctx)
	if err != nil {
		hop.Err = p.words(ctx, err)
		return hop
	}
	defer conn.Close()
	defer stop()
	from := bufio.NewReader(io.LimitReader(conn, maxRead))
	to, target := io.Writer(conn), u.String()
	hop.Stage = doctor.ToOrigin
	if u.Scheme == "https" {
		inside, ok := p.tunnel(ctx, &hop, conn, from, began)
		if !ok {
			return hop
		}
		defer inside.Close()
		from, to, target = bufio.NewReader(io.LimitReader(inside, maxRead)), inside, u.RequestURI()
	} else {
		hop.Stage = doctor.InRequest
	}
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n", target, u.Host, agent)
	if part != "" {
		head += "Range: " + part + "\r\n"
	}
	if _, err := io.WriteString(to, head+"\r\n"); err != nil {
		hop.Err = p.words(ctx, err)
		return hop
	}
	resp, err := http.ReadResponse(from, &http.Request{Method: http.MethodGet})
	hop.FirstByte = time.Since(began)
	if err != nil {
		hop.Err, hop.Late = p.words(ctx, err), u.Scheme == "http" && late(ctx, err)
		return hop
	}
	defer resp.Body.Close()
	if u.Scheme == "http" && own(&hop, resp) {
		return hop
	}
	hop.Stage = doctor.Responded
	note(&hop, resp)
	return hop
}

// tunnel opens a tunnel and does the TLS handshake in it. If it fails, it reports false, and hop says why.
func (p *Prober) tunnel(ctx context.Context, hop *doctor.Hop, conn net.Conn, from *bufio.Reader, began time.Time) (*tls.Conn, bool) {
	authority := hop.URL.Host
	if hop.URL.Port() == "" {
		authority = net.JoinHostPort(hop.URL.Hostname(), "443")
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", authority, authority, agent); err != nil {
		hop.Err = p.words(ctx, err)
		return nil, false
	}
	resp, err := http.ReadResponse(from, &http.Request{Method: http.MethodConnect})
	hop.FirstByte = time.Since(began)
	if err != nil {
		hop.Err, hop.Late = p.words(ctx, err), late(ctx, err)
		return nil, false
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		hop.Status, hop.Server = resp.StatusCode, resp.Header.Get("Server")
		own(hop, resp)
		return nil, false
	}
	hop.Stage, hop.Connect = doctor.InTLS, time.Since(began)
	inside := tls.Client(&buffered{conn, from}, &tls.Config{
		ServerName: hop.URL.Hostname(), MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // package doctor evaluates the chain, whoever signed it
	})
	err = inside.HandshakeContext(ctx)
	hop.TLS, hop.FirstByte = time.Since(began), 0
	if err != nil {
		hop.Err = p.words(ctx, err)
		return nil, false
	}
	hop.Chain, hop.Stage = inside.ConnectionState().PeerCertificates, doctor.InRequest
	return inside, true
}

// buffered is a connection with bytes in a bufio.Reader.
type buffered struct {
	net.Conn
	from *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.from.Read(p) }

// own reads a response that the proxy generated, and reports whether it is one. The proxy does not let origins claim to be it in
// Proxy-Status.
func own(hop *doctor.Hop, resp *http.Response) bool {
	status := resp.Header.Values("Proxy-Status")
	if len(status) == 0 || !strings.HasPrefix(status[len(status)-1], "webproxy;") {
		return false
	}
	_, phrase, _ := strings.Cut(resp.Status, " ")
	head, rest, ok := strings.Cut(phrase, ": ")
	if !ok {
		return false
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return false
	}
	for _, w := range words[1:] {
		if id, ok := strings.CutPrefix(w, "id="); ok {
			hop.ID = id
		}
	}
	hop.Status = resp.StatusCode
	switch head {
	case "webproxy denied":
		hop.Refused = words[0]
	case "webproxy upstream":
		hop.Trouble = words[0]
		if _, rest, ok := strings.Cut(status[len(status)-1], `next-hop="`); ok {
			hop.Upstream, _, _ = strings.Cut(rest, `"`)
		}
	default:
		return false
	}
	return true
}

// note stores the relevant parts of a response.
func note(hop *doctor.Hop, resp *http.Response) {
	h := resp.Header
	hop.Status, hop.Length = resp.StatusCode, resp.ContentLength
	hop.Server, hop.Via = h.Get("Server"), h.Get("Via")
	hop.ContentRange = h.Get("Content-Range")
	hop.AcceptsRanges = strings.EqualFold(h.Get("Accept-Ranges"), "bytes")
	hop.Date, _ = http.ParseTime(h.Get("Date"))
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
		hop.Location = h.Get("Location")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	hop.Body = string(body)
	if hop.Length < 0 && err == nil && len(body) < maxBody {
		hop.Length = int64(len(body))
	}
}

// part requests a range of u's body.
func (p *Prober) part(ctx context.Context, u *url.URL) *doctor.Range {
	r := &doctor.Range{From: partFrom, To: partTo}
	hop := p.request(ctx, u, fmt.Sprintf("bytes=%d-%d", partFrom, partTo))
	switch {
	case hop.Refused != "" || hop.Trouble != "":
		r.Err = hop.Refused + hop.Trouble
	case hop.Stage != doctor.Responded:
		r.Err = hop.Err
	}
	r.Status, r.ContentRange, r.Length = hop.Status, hop.ContentRange, int64(len(hop.Body))
	return r
}

// late reports whether err is because of the timeout.
func late(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// words says why there was no response, in a few plain words.
func (p *Prober) words(ctx context.Context, err error) string {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case late(ctx, err):
		return fmt.Sprintf("nothing within %v", p.timeout())
	case ctx.Err() != nil:
		return "it was interrupted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was ended"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.As(err, &record):
		return "what came is not TLS"
	}
	text := []rune(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error()))
	return string(text[:min(len(text), 160)])
}

// Ready requests /readyz at the address of the dashboard and returns the status and the text. secure is the TLS
// configuration; nil for plain HTTP.
func (p *Prober) Ready(ctx context.Context, address string, secure *tls.Config) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	scheme := "http://"
	if secure != nil {
		scheme = "https://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+"/readyz", nil)
	if err != nil {
		return 0, "", err
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure} // and no proxy: the listener is this machine's
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", errors.New(p.words(ctx, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, strings.TrimSpace(string(body)), err
}
