package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/dashboard"
	"webproxy/internal/account"
	"webproxy/internal/adminsocket"
	"webproxy/proxy"
)

// followAudit follows the audit log, for the dashboard, until the returned function is called.
func (d *daemon) followAudit() (stop func()) {
	d.follow.Dir, d.follow.Feed = d.audit.Dir(), &d.feed
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { d.follow.Run(ctx) })
	wg.Go(func() { d.feed.Run(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

// A DashboardLink is a link that logs the caller of the admin socket in to the dashboard, once.
type DashboardLink struct {
	URL string `json:"url"`
}

// adminDashboard makes a DashboardLink for the caller.
func (d *daemon) adminDashboard(r *adminsocket.Request) (any, error) {
	if d.pages == nil {
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: "the proxy has no dashboard: dashboard.listen is off"}
	}
	path, err := d.pages.Links.New(r.Actor.Name, time.Now())
	if err != nil {
		return nil, &adminsocket.Error{Status: http.StatusTooManyRequests, Message: err.Error()}
	}
	host, port, err := net.SplitHostPort(d.pagesAddr)
	if err != nil {
		return nil, err
	}
	scheme, ip := "http://", net.ParseIP(host)
	everywhere := host == "" || ip != nil && ip.IsUnspecified()
	if everywhere {
		host = "127.0.0.1" // the caller is on this machine
	}
	if d.pagesTLS != nil {
		scheme = "https://"
		if everywhere || ip != nil && !ip.IsLoopback() {
			host = cmp.Or(d.pagesTLS.Name(), host)
		}
	}
	return &DashboardLink{scheme + net.JoinHostPort(host, port) + path}, nil
}

// adminUsers reads the file of users again, because the caller has changed it.
func (d *daemon) adminUsers(r *adminsocket.Request) (any, error) {
	if d.pages == nil || d.pages.Users == nil {
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: "the proxy has no users of a dashboard: it has no dashboard, or no configuration file"}
	}
	if err := d.pages.Users.Reload(r.Actor.Name); err != nil {
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: err.Error()}
	}
	return struct{}{}, nil
}

// dashboardUsers returns the users of the configured file; nil for the built-in configuration, which has no such file.
func (d *daemon) dashboardUsers() *account.Book {
	if d.cfg.Dashboard.Users == "" {
		return nil
	}
	b := &account.Book{
		Path:    d.cfg.Dashboard.Users,
		Problem: func(err error) { d.log.Error("nobody can log in to the dashboard with a password", zap.Error(err)) },
		Changed: func(c *account.Change, by string) {
			d.record(&audit.Record{Type: audit.TypeUser, By: by, Detail: c.String()})
		},
	}
	b.Len() // later changes are recorded
	return b
}

// dashboard is the server of the operator's listener, at addr.
func (d *daemon) dashboard(addr net.Addr) (*http.Server, error) {
	d.pagesAddr = addr.String()
	d.pages = &dashboard.Pages{
		Config: func() *config.Config { return d.current.Load() }, Audit: d.cfg.Audit.WithDefaults(),
		Live: &d.follow, Feed: &d.feed, Jobs: &d.jobs, Status: &d.status,
		Usage: d.audit.Usage, Trouble: d.trouble, Refusing: func() bool { return d.refusing() || d.lost() }, Receivers: d.receivers, Version: d.version, Record: d.record, Verified: d.storeVerified,
		Users: d.dashboardUsers(), TLS: d.cfg.Dashboard.TLS(),
	}
	var tlsConfig *tls.Config
	var named func(string) bool
	if d.cfg.Dashboard.TLS() {
		d.pagesTLS = d.cfg.Dashboard.TLSFiles()
		d.pagesTLS.Problem = func(err error) { d.log.Error("dashboard", zap.Error(err)) }
		named = d.pagesTLS.Named
		var err error
		if tlsConfig, err = d.pagesTLS.Config(); err != nil {
			return nil, fmt.Errorf("dashboard: %w", err)
		}
	}
	screens, err := d.pages.Handler()
	if err != nil {
		return nil, err
	}
	return &http.Server{
		Handler: &dashboard.Server{
			Status: &d.status, Recording: d.proxy.Recording, Stalled: d.refusing, Gone: d.lost, Upstreams: d.metrics.upstreams, Metrics: d.metrics.handler(),
			Pages: screens, Listen: d.cfg.Dashboard.Listen, Named: named,
		},
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		// These descriptors are in the reserve that the proxy keeps.
		ConnState:   (&dashboard.Crowd{Limit: proxy.DashboardConns()}).ConnState,
		ConnContext: dashboard.ConnContext,
		ErrorLog:    zap.NewStdLog(d.log),
	}, nil
}

// trouble returns what is wrong with the audit log, in sentences.
func (d *daemon) trouble() []string {
	var all []string
	if d.audit.Stalled() {
		all = append(all, "The disk of the audit log does not answer")
	}
	if d.audit.Gone() {
		all = append(all, "The directory of the audit log is not there")
	}
	if !d.proxy.Recording() {
		all = append(all, "The last record could not be written")
	}
	if len(all) > 0 && d.audit.OnError() == audit.Refuse {
		all = append(all, "What cannot be recorded is refused")
	}
	return all
}

// receivers returns the state of the receivers of the log.
func (d *daemon) receivers() []dashboard.Receiver {
	var all []dashboard.Receiver
	for _, s := range d.shippers {
		st := s.Stats()
		all = append(all, dashboard.Receiver{Name: st.Name, LagRecords: st.LagRecords, Lag: st.Lag.Round(time.Second), Errors: st.Errors})
	}
	return all
}
