// Package dashboard serves the operator of a running proxy: health, readiness and metrics for machines, and
// screens for people (Pages). Screens work without script and escape all data from the network.
//
//	s := &dashboard.Server{Status: &status, Metrics: handler, Listen: "127.0.0.1:9091"}
//	http.Serve(ln, s)
package dashboard

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Server serves the operator's listener. Its fields are set before it serves.
type Server struct {
	// Status is the state that /readyz reports. It must not be nil.
	Status *Status
	// Recording reports whether the audit log can be written; /readyz says if not. It may be nil. It must not wait for
	// a disk, nor must Stalled.
	Recording func() bool
	// Stalled reports whether the audit log's disk does not respond, so that every request is refused; then /readyz is
	// 503. It may be nil.
	Stalled func() bool
	// Gone reports whether the audit log's directory is missing, so that every request is refused; then /readyz is 503.
	// It may be nil, and must not wait for a disk.
	Gone func() bool
	// Upstreams returns for each upstream proxy whether it worked when last used. It may be nil, and must not wait for a disk.
	Upstreams func() map[string]bool
	// Metrics serves /metrics. If nil, there are none.
	Metrics http.Handler
	// Pages serves the screens: all other paths. If nil, there are none.
	Pages http.Handler
	// Listen is the address of the listener, as configured. The Host of a request must be that, an
	// IP address or localhost: this prevents DNS rebinding.
	Listen string
	// Named reports whether the server's certificate is for a name; the Host of requests by TLS may be that too. It may be
	// nil.
	Named func(name string) bool
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch {
	case !s.addressed(r):
		http.Error(w, fmt.Sprintf("this is not %q", r.Host), http.StatusMisdirectedRequest)
	case s.Pages != nil && !s.plain(r.URL.Path):
		s.Pages.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "nothing here can be changed", http.StatusMethodNotAllowed)
	case r.URL.Path == "/":
		fmt.Fprint(w, "webproxy\n\n/healthz   is the process alive\n/readyz    does it take requests, by which policy\n/metrics   for Prometheus\n")
	case r.URL.Path == "/healthz":
		fmt.Fprintln(w, "ok")
	case r.URL.Path == "/readyz":
		stalled := s.Stalled != nil && s.Stalled()
		gone := s.Gone != nil && s.Gone()
		s.Status.write(w, time.Now(), stalled || gone)
		// The log notices by itself when these are over, unlike the last one.
		if stalled {
			fmt.Fprintln(w, "audit log: its disk does not answer, every request is refused")
		} else if gone {
			fmt.Fprintln(w, "audit log: its directory is not there, every request is refused")
		} else if s.Recording != nil && !s.Recording() {
			// Not a 503: only a new request can show that the log works again, and a 503 would keep requests away.
			fmt.Fprintln(w, "audit log: the last record could not be written; see the log and audit.on_error")
		}
		if s.Upstreams != nil {
			up := s.Upstreams()
			for _, name := range slices.Sorted(maps.Keys(up)) {
				fmt.Fprintf(w, "upstream proxy %s: %s\n", name, map[bool]string{true: "up", false: "down"}[up[name]])
			}
		}
	case r.URL.Path == "/metrics" && s.Metrics != nil:
		h.Del("Content-Type")
		s.Metrics.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// plain reports whether path is served as plain text, for machines.
func (s *Server) plain(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// addressed reports whether the Host of a request names this server.
func (s *Server) addressed(r *http.Request) bool {
	host := r.Host
	if host == s.Listen {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	_, err = netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil || strings.EqualFold(name, "localhost") || r.TLS != nil && s.Named != nil && s.Named(name)
}
