package daemon

import (
	"net"

	"go.uber.org/zap"

	"webproxy/config"
	"webproxy/proxy"
)

// tlsListener returns the TLS configuration of the listeners of listen_tls; its files are read again when they are replaced.
func tlsListener(cfg *config.Config, log *zap.Logger) (proxy.TLSListener, error) {
	files := cfg.ListenTLS.TLSFiles()
	files.Problem = func(err error) { log.Error("listen_tls", zap.Error(err)) }
	c, err := files.Config()
	return proxy.TLSListener{Config: c, Identify: cfg.ListenTLS.Identity()}, err
}

// serveTLS serves ln, one of the listeners of listen_tls.
func (d *daemon) serveTLS(ln net.Listener) error {
	return d.proxy.ServeTLS(ln, d.tls)
}
