package config

import (
	"fmt"

	"webproxy/certs"
	"webproxy/internal/account"
)

// TLS reports whether the dashboard is served by TLS.
func (o *DashboardOptions) TLS() bool { return o.Listen != Off && o.Cert != "" }

// TLSFiles are the certificate files of the dashboard.
func (o *DashboardOptions) TLSFiles() *certs.Server { return &certs.Server{Cert: o.Cert, Key: o.Key} }

// checkDashboard checks the dashboard section, files included: a Config that loads can run.
func (l *loader) checkDashboard() {
	o := &l.cfg.Dashboard
	if l.failed("dashboard") || o.Listen == Off || o.Cert == "" && o.Key == "" {
		return
	}
	for _, f := range []struct{ name, path string }{{"cert", o.Cert}, {"key", o.Key}} {
		if f.path == "" {
			l.fail("dashboard", f.name+" is missing", "name a PEM file")
			return
		}
	}
	if _, err := o.TLSFiles().Config(); err != nil {
		l.fail("dashboard", err.Error(), "")
	}
}

// warnOpenDashboard says what others on the network get of the dashboard, and what is missing for more.
func (l *loader) warnOpenDashboard() {
	o := &l.cfg.Dashboard
	if !o.TLS() {
		l.warn("dashboard.listen", "others on the network get /healthz, /readyz and /metrics; the pages are denied to them, because there is no TLS",
			"set dashboard.cert and dashboard.key, and add people with webproxy dashboard user add; or listen on 127.0.0.1")
		return
	}
	users, err := account.Read(o.Users)
	switch {
	case err != nil:
		l.warn("dashboard.users", fmt.Sprintf("nobody can log in with a password: %v", err), "")
	case len(users) == 0:
		l.warn("dashboard.users", "nobody can log in from elsewhere: there are no users", "webproxy dashboard user add NAME --role reader")
	}
}
