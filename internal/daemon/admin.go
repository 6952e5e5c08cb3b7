package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"webproxy/config"
	"webproxy/internal/adminsocket"
)

// Requests of the admin socket: what a command sends and gets is beside the handler.
const (
	// StatusPath is for GET: Status. With LearningQuery the response has the state of learning too, for which the log may be
	// read in the background.
	StatusPath    = "/v1/status"
	LearningQuery = "learning"

	ReloadPath   = "/v1/reload"         // POST: Reloaded
	VerifiedPath = "/v1/audit/verified" // POST: takes Verified

	DashboardPath = "/v1/dashboard"       // POST: DashboardLink
	UsersPath     = "/v1/dashboard/users" // POST: reads the file of users again
)

// routeAdmin registers the requests of commands. A new request needs a line here, and a handler, which gets the caller's identity.
func (d *daemon) routeAdmin(s *adminsocket.Server) {
	s.Handle("GET "+StatusPath, d.adminStatus)
	s.Handle("POST "+ReloadPath, d.adminReload)
	s.Handle("POST "+VerifiedPath, d.adminVerified)
	s.Handle("POST "+DashboardPath, d.adminDashboard)
	s.Handle("POST "+UsersPath, d.adminUsers)
}

// serveAdmin serves the admin socket until the returned function is called. If it cannot be created the proxy serves without one:
// only operators need it.
func (d *daemon) serveAdmin() (stop func()) {
	if d.cfg.Admin.Socket == config.Off {
		return func() {}
	}
	ln, err := listenAdmin(d.cfg.Admin.Socket)
	if err != nil {
		d.log.Error("no admin socket: webproxy status, reload, allow and lockdown do not find this proxy", zap.Error(err))
		return func() {}
	}
	d.log.Info("admin socket", zap.String("path", d.cfg.Admin.Socket))
	s := adminsocket.NewServer(d.log)
	d.routeAdmin(s)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ln); err != nil {
			d.log.Error("admin socket", zap.Error(err))
		}
	})
	return func() {
		s.Close()
		wg.Wait()
	}
}

// listenPatience bounds the wait for the disk that the admin socket is on.
const listenPatience = 5 * time.Second

var errSocketHangs = errors.New("admin socket: its disk does not answer")

// listenAdmin is adminsocket.Listen in a bounded time.
func listenAdmin(path string) (net.Listener, error) {
	type result struct {
		ln  net.Listener
		err error
	}
	done := make(chan result)
	gone := make(chan struct{})
	go func() { // ends with Listen, which may hang with a disk
		ln, err := adminsocket.Listen(path)
		select {
		case done <- result{ln, err}:
		case <-gone:
			if ln != nil {
				ln.Close()
			}
		}
	}()
	timer := time.NewTimer(listenPatience)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.ln, r.err
	case <-timer.C:
		close(gone)
		return nil, errSocketHangs
	}
}

// adminReload reads the configuration again and waits until that is done.
func (d *daemon) adminReload(r *adminsocket.Request) (any, error) {
	if d.watcher == nil {
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: "the proxy runs with its built-in configuration, which has no file to read again"}
	}
	d.reloads.ask(r.Actor.Name)
	switch err := d.watcher.ReloadAndWait(r.Context()); {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &adminsocket.Error{Status: http.StatusGatewayTimeout, Message: "the configuration is not read yet: a file changes all the time, or its disk does not answer"}
	case err != nil:
		return nil, &adminsocket.Error{Status: http.StatusServiceUnavailable, Message: "the proxy is stopping"}
	}
	done := d.reloads.last()
	done.Since = d.status.State().Installed
	return done, nil
}
