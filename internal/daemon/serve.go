// Package daemon runs the process that serves: it opens listeners and the audit log, assembles the proxy, reloads its configuration,
// ships and maintains the log, serves the dashboard and the admin socket, and stops all of that in reverse order. Run is its entry;
// only one Run at a time.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/certs"
	"webproxy/config"
	"webproxy/dashboard"
	"webproxy/internal/hint"
	"webproxy/internal/wording"
	"webproxy/jobs"
	"webproxy/live"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
	"webproxy/ship"
)

// Options are the parameters of Run.
type Options struct {
	// Load reads the configuration, once. Reloads read its file again.
	Load func() (*config.Config, error)
	// Version is the program's version, for the log, the audit log and its receivers.
	Version string
	// Stderr takes warnings, the greeting and, unless the process is a Windows service, the operator's log.
	Stderr io.Writer
}

// Run serves until the system or ctx tells it to stop, and open exchanges have ended or were cut. It returns an error
// if it could not serve; errors of the configuration are config.Problems. It handles the signals of the process
// while it runs, or the controls of the Windows service that the process is: only one Run at a time.
func Run(ctx context.Context, o Options) error {
	return runAsService(ctx, func(ctx context.Context, c control) error { return serve(ctx, o, c) })
}

// A daemon is a running proxy: the state that the parts of serve share.
type daemon struct {
	cfg     *config.Config // the settings that the process was started with; their policy is in live
	log     *zap.Logger
	audit   *audit.Log
	live    policy.Live
	proxy   *proxy.Server
	egress  *egress.Egress
	tls     proxy.TLSListener // of listen_tls
	metrics *metrics
	status  dashboard.Status
	bundle  bundleContact
	current atomic.Pointer[config.Config] // the configuration in force; only the watcher's calls change it
	jobs    jobs.Runner                   // of the dashboard
	storing atomic.Bool                   // a verification is being stored
	feed    live.Feed
	follow  live.Follower
	pages   *dashboard.Pages // nil without a dashboard

	pagesAddr string        // address of the dashboard
	pagesTLS  *certs.Server // nil if they are served without TLS

	version string
	began   time.Time

	watcher *config.Watcher // nil for the built-in configuration
	reloads reloads
	rates   rates

	begin    logBegin     // of the audit log
	required requirements // what Azure Local needs

	lockdownOver *config.Lockdown // the last one whose expiry was recorded; used by endLockdown alone

	gaveUp bool // a part hung at the end of the process; used by patiently alone

	inspection inspection
	shippers   []*ship.Shipper
}

// serve runs the process: parts are stopped in the reverse order of their start.
func serve(ctx context.Context, o Options, c control) error {
	began := time.Now()
	cfg, err := o.Load()
	if err != nil {
		return err
	}
	if c.unattended && cfg.Path == "" {
		return hint.With(errors.New("a service needs a configuration of its own: the built-in one would serve everybody, with its audit log in the system's directory"),
			"webproxy service install makes one; -c FILE names another")
	}
	d := &daemon{cfg: cfg.Settings(), version: o.Version, began: began, jobs: jobs.Runner{Lasting: []string{dashboard.VerifyJob}}}
	d.status.Lockdown, d.status.Bundle = d.lockdownText, d.bundleText
	d.current.Store(cfg)
	var closeLog func()
	if d.log, closeLog, err = newLog(cfg.Log, o.Stderr); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer closeLog()
	d.tellWarnings(append(slices.Clone(cfg.Warnings), systemWarnings(cfg)...), o.Stderr, c.unattended)
	stopCrashes, err := d.keepCrashes(c.unattended)
	if err != nil {
		d.log.Warn("output of a crash will not be kept", zap.Error(err))
	}
	defer stopCrashes()

	lns, err := openListeners(cfg, d.log)
	if err != nil {
		return err
	}
	defer lns.close()
	if err := d.openAudit(c); err != nil {
		return err
	}
	d.restoreVerified()
	stopShipping, err := d.shipAudit()
	if err != nil {
		return errors.Join(err, d.audit.Close())
	}
	defer d.patiently("stop shipping", stopShipping) // after the log was closed: its last records are sent too
	defer d.patiently("close the audit log", func() { d.closeAudit() })
	stopMaintain := d.maintainAudit()
	defer d.patiently("stop audit log maintenance", stopMaintain)

	if err := d.assemble(); err != nil {
		return err
	}
	defer d.patiently("end logins at upstream proxies", d.egress.Close)
	defer d.recordStart()()
	defer d.patiently("stop reading the audit log", d.jobs.Close)
	failed := make(chan error, len(lns.clients)+len(lns.tls)+2)
	if lns.dashboard != nil {
		defer d.patiently("stop following the audit log", d.followAudit())
	}
	wait, err := d.serveListeners(lns, failed)
	if err != nil {
		return err
	}
	defer wait()
	defer d.patiently("stop watching files", d.watch(ctx, c))
	defer d.rates.sample(&d.metrics.outcomes, d.endLockdown)()
	defer d.patiently("close the admin socket", d.serveAdmin())
	defer d.patiently("stop fetching bundles", d.fetchBundles())

	d.greet(o.Stderr, cfg, lns, time.Since(began))
	close(c.ready)
	d.status.SetReady(true)
	tellReady(d.summary())
	defer keepWatchdog(func() { d.proxy.Stats() })()

	reason := "stopped on request"
	select {
	case <-c.stop:
	case <-ctx.Done():
	case err = <-failed:
		reason = "a listener failed: " + err.Error()
	}
	d.status.SetReady(false)
	return errors.Join(err, d.drain(c, reason))
}

// summary is the status text for the supervisor of the process.
func (d *daemon) summary() string {
	return fmt.Sprintf("serving %s by policy %s", strings.Join(slices.Concat(d.cfg.Listen, d.cfg.ListenTLS.Listen), " "), policy.ShortDigest(d.live.Load().Digest()))
}

// systemWarnings are about settings of the system that the proxy does not use.
func systemWarnings(cfg *config.Config) (all config.Problems) {
	if cfg.Egress.Resolver != "" {
		return nil
	}
	for _, msg := range egress.SystemDNSWarnings() {
		all = append(all, config.Problem{File: cfg.Path, Path: "egress.resolver", Msg: msg, Hint: "set it to a DNS server that knows all names", Warning: true})
	}
	return all
}

// tellWarnings prints the warnings of the configuration, or logs them if the process is an unattended service.
func (d *daemon) tellWarnings(warnings config.Problems, w io.Writer, unattended bool) {
	if !unattended {
		warnings.Write(w)
		return
	}
	for _, warning := range warnings {
		d.log.Warn("configuration", zap.String("warning", warning.String()))
	}
}

// assemble makes the proxy of its parts and puts the policy in force.
func (d *daemon) assemble() error {
	authorities, err := readAuthorities(d.current.Load())
	if err != nil {
		return err
	}
	options := d.cfg.Egress
	options.Roots = &d.inspection.roots
	if d.egress, err = egress.New(options); err != nil {
		return fmt.Errorf("egress: %w", err)
	}
	d.egress.OnUpstream = d.upstreamChanged
	if len(d.cfg.ListenTLS.Listen) > 0 {
		if d.tls, err = tlsListener(d.cfg, d.log); err != nil {
			return fmt.Errorf("listen_tls: %w", err)
		}
	}
	d.install(d.current.Load().Live, authorities)
	d.proxy = &proxy.Server{
		Policy:        &d.live,
		Egress:        d.egress,
		Audit:         d.audit,
		AuditOptional: d.audit.OnError() == audit.Continue,
		Log:           d.log,
		Options:       d.cfg.Proxy,
		Denial:        d.cfg.Denial,
		TLS:           d.cfg.TLS,
	}
	d.proxy.Roots, d.proxy.Inspector = &d.inspection.roots, &d.inspection
	d.metrics = newMetrics(d)
	d.proxy.Observer = d.metrics
	d.proxy.Prepare() // bundles may be fetched through its Egress before a listener is served
	d.status.Installed(policy.ShortDigest(d.current.Load().Set.Digest()), time.Now(), nil, nil)
	return nil
}

// upstreamChanged logs that an upstream proxy stopped working, or works again.
func (d *daemon) upstreamChanged(id string, err error) {
	d.metrics.upstream(id, err == nil)
	if err != nil {
		d.log.Error("upstream proxy unavailable", zap.String("upstream", id), zap.Error(err))
		return
	}
	d.log.Info("upstream proxy available again", zap.String("upstream", id))
}

// maintainAudit maintains the audit log's files until the returned function is called.
func (d *daemon) maintainAudit() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		d.audit.Maintain(ctx, func(err error) { d.log.Error("audit log maintenance", zap.Error(err)) })
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// serveListeners serves all listeners. The returned function closes the servers of pages and waits until no listener is served any
// more; the caller must have shut down the proxy before. Errors of listeners go to failed.
func (d *daemon) serveListeners(lns *listeners, failed chan<- error) (wait func(), err error) {
	var pages *http.Server
	if lns.dashboard != nil {
		if pages, err = d.dashboard(lns.dashboard.Addr()); err != nil {
			return nil, err
		}
	}
	var wg sync.WaitGroup
	start := func(serve func(net.Listener) error, ln net.Listener) {
		wg.Go(func() {
			if err := serve(ln); !closed(err) {
				failed <- err
			}
		})
	}
	for _, ln := range lns.clients {
		start(d.proxy.Serve, ln)
	}
	for _, ln := range lns.tls {
		start(d.serveTLS, ln)
	}
	var servers []*http.Server
	page := func(server *http.Server, ln net.Listener) {
		servers = append(servers, server)
		wg.Go(func() {
			serve := server.Serve
			if server.TLSConfig != nil {
				serve = func(ln net.Listener) error { return server.ServeTLS(ln, "", "") }
			}
			if err := serve(ln); !errors.Is(err, http.ErrServerClosed) && !closed(err) {
				failed <- err
			}
		})
	}
	if pages != nil {
		page(pages, lns.dashboard)
	}
	if lns.pac != nil {
		page(d.pacServer(), lns.pac)
	}
	return func() {
		for _, server := range servers {
			server.Close()
		}
		wg.Wait()
	}, nil
}

// drain stops the proxy: open exchanges may finish until the grace period ends or stop is requested again.
func (d *daemon) drain(c control, reason string) error {
	grace := d.cfg.Proxy.Grace()
	tellStopping(grace)
	ctx, cancel := context.WithCancel(context.Background())
	if grace > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), grace)
	}
	defer cancel()
	st := d.proxy.Stats()
	d.log.Info("stopping", zap.String("reason", reason), zap.Int("tunnels", st.Tunnels), zap.Int("requests", st.Requests), zap.Duration("grace", grace))
	done := make(chan error, 1)
	go func() { done <- d.proxy.Shutdown(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-c.stop:
		cancel()
		err = <-done
	}
	if err != nil {
		reason += "; open exchanges were cut"
		d.log.Warn("open exchanges were cut")
	}
	d.record(&audit.Record{Type: audit.TypeStop, Policy: d.live.Load().Digest(), Detail: reason})
	d.log.Info("stopped")
	return nil
}

// record writes a record about the proxy itself. A failure is logged; there is no request to refuse.
func (d *daemon) record(r *audit.Record) {
	if err := d.audit.Append(r); err != nil {
		d.log.Error("audit record not written", zap.String("type", string(r.Type)), zap.Error(err))
	}
}

// recordStart writes the first record of this run. If it cannot be written, such as on a full disk, the proxy serves nevertheless:
// it refuses every request that it cannot record, and recovers when there is room. Writing the record is then tried until it
// succeeds or the returned function is called.
func (d *daemon) recordStart() (stop func()) {
	digest := d.live.Load().Digest()
	write := func() error {
		return d.audit.Append(&audit.Record{
			Type: audit.TypeStart, Policy: digest,
			Detail: fmt.Sprintf("webproxy %s started with %s%s", d.version, d.cfg.Name(), d.startLockdown()) + startedBundle(d.cfg),
		})
	}
	err := write()
	if err == nil {
		return func() {}
	}
	d.log.Error("the audit log takes no records", zap.Error(err), zap.Bool("requests_go_ahead", d.audit.OnError() == audit.Continue))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if write() == nil {
				d.log.Info("the audit log takes records again")
				return
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// greet prints what the proxy serves.
func (d *daemon) greet(w io.Writer, cfg *config.Config, lns *listeners, took time.Duration) {
	modes := map[string]bool{}
	for _, g := range cfg.Set.Groups() {
		modes[g.Mode.String()] = true
	}
	mode := "enforce"
	if modes["learn"] {
		mode = map[bool]string{true: "enforce, learn", false: "learn"}[modes["enforce"]]
	}
	from := []string{"lists"}
	for _, r := range cfg.Policy.Rules {
		if r.List != "" {
			from = append(from, r.List)
		}
	}
	if len(from) == 1 {
		from = nil
	}
	from = append(from, "("+wording.Plural(cfg.Set.Len(), "entry")+")")
	pages := "off"
	if lns.dashboard != nil {
		pages = lns.dashboard.Addr().String()
	}
	fmt.Fprintf(w, "listening %s   mode %s   %s   policy %s   audit %s   dashboard %s\n",
		strings.Join(slices.Concat(cfg.Listen, cfg.ListenTLS.Listen), " "), mode, strings.Join(from, " "),
		policy.ShortDigest(cfg.Set.Digest()), cfg.Audit.WithDefaults().Dir, pages)
	if len(lns.clients) > 0 {
		fmt.Fprintln(w, pointHere(lns.clients[0].Addr()))
	}
	if text := d.lockdownText(time.Now()); text != "" {
		fmt.Fprintln(w, "LOCKDOWN "+text)
	}
	if cfg.Path == "" {
		fmt.Fprintln(w, "the lists are those of December 2021, for Azure Stack HCI, and broad; what Azure Local needs today:  webproxy init --region REGION")
	}
	d.log.Info("serving", zap.Strings("listen", lns.addrs()), zap.String("dashboard", pages), zap.String("config", cfg.Name()),
		zap.String("policy", policy.ShortDigest(cfg.Set.Digest())), zap.Duration("start", took))
}
