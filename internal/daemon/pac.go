package daemon

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"webproxy/dashboard"
	"webproxy/pac"
)

// maxPACConns bounds the connections for the proxy auto-configuration file at a time.
const maxPACConns = 16

// pacServer returns the server of the proxy auto-configuration file.
func (d *daemon) pacServer() *http.Server {
	s := &http.Server{
		Handler:           pac.Handler(d.cfg.PAC),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ConnState:         (&dashboard.Crowd{Limit: maxPACConns}).ConnState,
		ErrorLog:          zap.NewStdLog(d.log),
	}
	s.SetKeepAlivesEnabled(false)
	return s
}
