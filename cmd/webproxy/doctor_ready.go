package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"webproxy/config"
	"webproxy/doctor"
	"webproxy/doctor/probe"
	"webproxy/internal/smallfile"
)

// dashboardTLS is for asking the dashboard of this machine, whose certificate is the one in its file; nil if it has none.
func dashboardTLS(cfg *config.Config) *tls.Config {
	if !cfg.Dashboard.TLS() {
		return nil
	}
	return &tls.Config{
		InsecureSkipVerify: true, // the address is not what the certificate is for; VerifyConnection looks at the certificate itself
		VerifyConnection: func(s tls.ConnectionState) error {
			data, err := smallfile.Read(cfg.Dashboard.Cert, 1<<20)
			if err != nil {
				return err
			}
			if block, _ := pem.Decode(data); block == nil || !bytes.Equal(block.Bytes, s.PeerCertificates[0].Raw) {
				return errors.New("the certificate is not that of dashboard.cert")
			}
			return nil
		},
	}
}

// askReady asks the proxy whether it is ready, and for its upstream proxies, if the proxy can be reached.
func askReady(ctx context.Context, p *probe.Prober, cfg *config.Config, h *doctor.Head) {
	if cfg.Dashboard.Listen == config.Off {
		return
	}
	status, text, err := p.Ready(ctx, cfg.Dashboard.Listen, dashboardTLS(cfg))
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "audit log: ") {
			h.NotReady = line
		}
		if rest, ok := strings.CutPrefix(line, "upstream proxy "); ok {
			name, state, _ := strings.Cut(rest, ": ")
			h.Upstreams = append(h.Upstreams, doctor.Upstream{Name: name, Up: state == "up"})
		}
	}
	switch {
	case h.NotReady != "":
	case status != 200:
		h.NotReady = fmt.Sprintf("/readyz: %d %s", status, first)
	default:
		h.Ready = first
	}
}
