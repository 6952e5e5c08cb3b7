package proxy_test

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// An origin that refuses each request unseen does not keep its client waiting for a minute: there is an end to trying
// again, and the time for a response is that of all tries together.
func TestRefusedStreams(t *testing.T) {
	proxytest.Parallel(t)
	for name, refuse := range map[string]func(f *http2.Framer, id uint32) error{
		"REFUSED_STREAM": func(f *http2.Framer, id uint32) error { return f.WriteRSTStream(id, http2.ErrCodeRefusedStream) },
		"GOAWAY":         func(f *http2.Framer, _ uint32) error { return f.WriteGoAway(0, http2.ErrCodeNo, nil) },
	} {
		for want, limit := range map[string]setting.Duration{
			"connection_terminated": setting.Off,
			"http_response_timeout": setting.Duration(10 * time.Millisecond),
		} {
			t.Run(name+" "+want, func(t *testing.T) {
				origin := func(c *tls.Conn) {
					defer c.Close()
					io.CopyN(io.Discard, c, int64(len(http2.ClientPreface)))
					f := http2.NewFramer(c, c)
					f.WriteSettings()
					for {
						frame, err := f.ReadFrame()
						if err != nil {
							return
						}
						if h, ok := frame.(*http2.HeadersFrame); ok && refuse(f, h.StreamID) != nil {
							return
						}
					}
				}
				p := startInspectedWith(t, nil, leafSpec{h2: origin}, func(c *proxytest.Config) {
					setup := c.Setup
					c.Setup = func(s *proxy.Server) {
						setup(s)
						s.Options.ResponseTimeout = limit
					}
				})
				client := p.client(t, false)
				client.Timeout = proxytest.Patience
				resp, err := client.Get("https://" + p.Target + "/allowed")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				want := want
				if name == "GOAWAY" { // each on a connection of its own, without a pause: the tries may end first
					want = strings.TrimPrefix(want, "http_response_timeout")
				}
				if got := resp.Header.Get("Proxy-Status"); resp.StatusCode < 500 || !strings.Contains(got, "error="+want) {
					t.Errorf("%s, Proxy-Status %q", resp.Status, got)
				}
			})
		}
	}
}
