package daemon

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"webproxy/dashboard"
	"webproxy/pac"
)

// maxPACConns bounds the connections that ask for the proxy auto-configuration file at a time, as the dashboard's are.
const maxPACConns = 16

// pacServer serves the proxy auto-configuration file to whoever asks.
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
