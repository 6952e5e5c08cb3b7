package proxy_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"webproxy/internal/proxytest"
)

// Server names are compared without case (RFC 6066, 3), also where TLS is opened.
func TestInspectNameInCapitals(t *testing.T) {
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }), leafSpec{})
	for name, ok := range map[string]bool{"ORIGIN.Test": true, "origin.test": true, "ORIGIN.TESS": false, "origin_test": false} {
		c := tls.Client(p.Connect(""), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err := c.Handshake(); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// rawH2 is an origin of HTTP/2 that answers with the lengths in a request's query, and "hello".
func rawH2(t *testing.T) func(*http.Server, *tls.Conn, http.Handler) {
	return func(_ *http.Server, c *tls.Conn, _ http.Handler) {
		io.ReadFull(c, make([]byte, len(http2.ClientPreface)))
		f := http2.NewFramer(c, c)
		f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					f.WriteSettingsAck()
				}
			case *http2.MetaHeadersFrame:
				u, err := url.Parse(frame.PseudoValue("path"))
				if err != nil {
					t.Error(err)
				}
				fields := []string{":status=200"}
				for _, n := range u.Query()["n"] {
					fields = append(fields, "content-length="+n)
				}
				f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: block(fields...), EndHeaders: true})
				f.WriteData(frame.StreamID, true, []byte("hello"))
			}
		}
	}
}

// Several lengths of one response are one length or none that may be passed on.
func TestInspectLengths(t *testing.T) {
	p := startInspectedWith(t, nil, leafSpec{}, func(*proxytest.Config) {}, func(s *httptest.Server) {
		s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": rawH2(t)}
	})
	for query, want := range map[string]string{
		"n=5":        `200 "5" "hello" <nil>`,
		"n=5&n=5":    `200 "5" "hello" <nil>`,
		"n=5&n=6":    `502`,
		"n=5&n=%2B5": `502`,
		"n=5,5":      `502`,
		"n=6&n=6":    `200 "6" "hello" unexpected EOF`,
	} {
		for _, h2 := range []bool{false, true} {
			resp, err := p.client(t, h2).Get("https://" + p.Target + "/allowed?" + query)
			if err != nil {
				t.Errorf("%s, HTTP/2 %v: %v", query, h2, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			got := fmt.Sprintf("%d %q %q %v", resp.StatusCode, strings.Join(resp.Header["Content-Length"], "|"), body, err)
			if h2 && strings.Contains(want, "EOF") {
				want = `200 "6" "hello"` // and an error of its own
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("%s, HTTP/2 %v: %s, want %s", query, h2, got, want)
			}
		}
	}
}

// An origin that requires a certificate of its client cannot be inspected, and the record says so.
func TestInspectClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, must := range []bool{true, false} {
			kind := tls.RequestClientCert
			if must {
				kind = tls.RequireAnyClientCert
			}
			p := startInspectedWith(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "ok") }), leafSpec{},
				func(c *proxytest.Config) {}, func(s *httptest.Server) { s.TLS.ClientAuth, s.TLS.MaxVersion = kind, version })
			resp, err := p.client(t, false).Get("https://" + p.Target + "/allowed")
			switch {
			case !must && (err != nil || resp.StatusCode != 200):
				t.Errorf("%x, asked only: %v, %v", version, resp, err)
			case must && err == nil && resp.StatusCode != 502:
				t.Errorf("%x: %s", version, resp.Status)
			}
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if !must {
				continue
			}
			found := false
			for n := 2; n <= 3 && !found; n++ {
				for _, r := range p.Records(n) {
					found = found || r.Error == "proxy_configuration_error" && strings.Contains(r.Detail, "client certificate") && r.Status == 502
				}
				if version == tls.VersionTLS12 {
					break // no tunnel is opened
				}
			}
			if !found {
				for _, r := range p.Audit.All() {
					t.Errorf("%x: %s %s %d %s %q", version, r.Type, r.Method, r.Status, r.Error, r.Detail)
				}
			}
		}
	}
}
