package daemon

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"webproxy/audit"
	"webproxy/catalog"
	"webproxy/policy"
	"webproxy/proxy/egress"
)

// metrics is the proxy.Observer that counts for Prometheus. docs/operations.md describes each metric.
// It is safe for concurrent use.
type metrics struct {
	registry   *prometheus.Registry
	decisions  *prometheus.CounterVec
	deciding   prometheus.Histogram
	dns        prometheus.Histogram
	dialling   prometheus.Histogram
	dialErrs   *prometheus.CounterVec
	bytesOut   prometheus.Counter
	bytesIn    prometheus.Counter
	ended      *prometheus.CounterVec
	reloads    *prometheus.CounterVec
	configOK   prometheus.Gauge
	auditErrs  prometheus.Counter
	upstreamUp *prometheus.GaugeVec
	outcomes   outcomes
	worked     sync.Map // whether each upstream proxy worked last: bool by name

	bundleProblems prometheus.Counter
	listsAsOf      atomic.Int64 // date of the oldest built-in list in force, in seconds since 1970; 0 without a list
}

func newMetrics(d *daemon) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "webproxy_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "webproxy_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "webproxy_" + name, Help: help, Buckets: buckets})
	}
	dialBuckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	m := &metrics{
		registry:       prometheus.NewRegistry(),
		decisions:      counters("decisions_total", "Decisions, by verdict (allow, deny, would_deny), reason and rule.", "verdict", "reason", "rule"),
		deciding:       histogram("decision_seconds", "Time to decide a request.", prometheus.ExponentialBuckets(100e-9, 4, 8)),
		dns:            histogram("dns_seconds", "Time to resolve a name; cached responses count.", dialBuckets),
		dialling:       histogram("dial_seconds", "Time to connect to an origin, name resolution left out.", dialBuckets),
		dialErrs:       counters("dial_errors_total", "Connections to origins that failed, by RFC 9209 word.", "error"),
		bytesOut:       counter("client_to_origin_bytes_total", "Bytes from clients to origins, counted when an exchange ends."),
		bytesIn:        counter("origin_to_client_bytes_total", "Bytes from origins to clients, counted when an exchange ends."),
		ended:          counters("exchanges_ended_total", "Permitted exchanges that ended, by error; empty for none.", "error"),
		reloads:        counters("reloads_total", "Configurations read since the start, by result (installed, refused).", "result"),
		configOK:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "webproxy_config_ok", Help: "1 if the configuration on disk is in force, 0 if it was refused."}),
		bundleProblems: counter("bundle_problems_total", "Problems of fetching or taking policy bundles, each kind counted once in a row."),
		auditErrs:      counter("audit_write_errors_total", "Audit records that could not be written."),
	}
	listsAge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "webproxy_lists_age_seconds",
		Help: "Time since the documents of the oldest built-in list in force were read; 0 if none is in force."}, func() float64 {
		asOf := m.listsAsOf.Load()
		if asOf == 0 {
			return 0
		}
		return max(0, time.Since(time.Unix(asOf, 0)).Seconds())
	})
	m.upstreamUp = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "webproxy_upstream_up", Help: "1 if the upstream proxy worked last, 0 if it did not."}, []string{"upstream"})
	for _, id := range d.cfg.Egress.UpstreamNames() {
		m.upstream(id, true)
	}
	m.lists(d.current.Load().Policy.Rules)
	m.configOK.Set(1)
	for _, result := range []string{"installed", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	m.registry.MustRegister(m.decisions, m.deciding, m.dns, m.dialling, m.dialErrs, m.bytesOut, m.bytesIn, m.ended,
		m.reloads, m.configOK, m.auditErrs, m.upstreamUp, m.bundleProblems, newBundleMetrics(d), listsAge, newGauges(d), newShipMetrics(d.shippers),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Decided implements proxy.Observer.
func (m *metrics) Decided(d policy.Decision, took time.Duration) {
	m.decisions.WithLabelValues(string(d.Outcome()), d.Reason.String(), d.Rule()).Inc()
	m.deciding.Observe(took.Seconds())
	m.outcomes.add(&d)
}

// Dialled implements proxy.Observer.
func (m *metrics) Dialled(r egress.Route, err error) {
	m.dns.Observe(r.DNS.Seconds())
	if err == nil {
		m.dialling.Observe(r.Connect.Seconds())
		return
	}
	var failed *egress.DialError
	if errors.As(err, &failed) {
		m.dialErrs.WithLabelValues(failed.Word).Inc()
	}
}

// Ended implements proxy.Observer.
func (m *metrics) Ended(r *audit.Record) {
	m.ended.WithLabelValues(r.Error).Inc()
	m.bytesOut.Add(float64(r.BytesOut))
	m.bytesIn.Add(float64(r.BytesIn))
}

// AuditFailed implements proxy.Observer.
func (m *metrics) AuditFailed(error) { m.auditErrs.Inc() }

// upstream stores whether an upstream proxy works.
func (m *metrics) upstream(id string, works bool) {
	up := 0.0
	if works {
		up = 1
	}
	m.upstreamUp.WithLabelValues(id).Set(up)
	m.worked.Store(id, works)
}

// upstreams returns for each upstream proxy whether it worked last.
func (m *metrics) upstreams() map[string]bool {
	up := map[string]bool{}
	m.worked.Range(func(id, works any) bool {
		up[id.(string)] = works.(bool)
		return true
	})
	return up
}

// lists stores the date of the oldest built-in list of rules, which are now in force.
func (m *metrics) lists(rules []policy.RuleSpec) {
	oldest := int64(0)
	for i := range rules {
		if rules[i].List == "" {
			continue
		}
		asOf, err := catalog.AsOf(rules[i].List)
		if err == nil && (oldest == 0 || asOf.Unix() < oldest) {
			oldest = asOf.Unix()
		}
	}
	m.listsAsOf.Store(oldest)
}

func (m *metrics) reloaded(ok bool) {
	if ok {
		m.configOK.Set(1)
		m.reloads.WithLabelValues("installed").Inc()
		return
	}
	m.configOK.Set(0)
	m.reloads.WithLabelValues("refused").Inc()
}

// gauges are read from the daemon when they are collected.
type gauges struct {
	d                                 *daemon
	connections, requests, tunnels    *prometheus.Desc
	inspecting, reclaimed, limited    *prometheus.Desc
	policyAge, policyInfo, entries    *prometheus.Desc
	lockdown                          *prometheus.Desc
	audit, aggregated, unrotated      *prometheus.Desc
	auditBytes, auditLimit, auditFree *prometheus.Desc
}

func newGauges(d *daemon) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("webproxy_"+name, help, labels, nil)
	}
	return &gauges{
		d:           d,
		connections: desc("open_connections", "Client connections open now."),
		requests:    desc("open_requests", "Plain HTTP requests in progress now."),
		tunnels:     desc("open_tunnels", "Tunnels open now."),
		inspecting:  desc("inspection_memory_bytes", "Bytes of proxy.inspection_memory in use, for inspected TLS."),
		reclaimed:   desc("reclaimed_total", "Idle connections and pipes that were closed because no descriptor was left, since the start."),
		limited:     desc("rate_limited_total", "How often a limit on what a client may do in a second applied, since the start.", "limit"),
		policyAge:   desc("policy_age_seconds", "Time since the policy in force was installed."),
		policyInfo:  desc("policy_info", "1; the label is the digest of the policy in force.", "digest"),
		entries:     desc("policy_entries", "Entries of the policy in force."),
		lockdown:    desc("lockdown", "1 while a lockdown is on, else 0."),
		audit:       desc("audit_records_total", "Audit records written since the start."),
		aggregated:  desc("audit_folded_total", "Denials that were aggregated rather than recorded one by one, since the start."),
		unrotated:   desc("audit_rotate_errors_total", "Times that the live file of the audit log could not be rotated as it should be, since the start."),
		auditBytes:  desc("audit_bytes", "Bytes that the audit log uses on disk."),
		auditLimit:  desc("audit_limit_bytes", "audit.retain_size; absent if it is not set."),
		auditFree:   desc("audit_disk_free_bytes", "Bytes free on the audit log's disk; absent if unknown."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, ch) }

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := g.d.proxy.Stats()
	set := g.d.live.Load()
	gauge(g.connections, float64(st.Connections))
	gauge(g.requests, float64(st.Requests))
	gauge(g.tunnels, float64(st.Tunnels))
	gauge(g.inspecting, float64(st.InspectionMemory))
	ch <- prometheus.MustNewConstMetric(g.reclaimed, prometheus.CounterValue, float64(st.Reclaimed))
	for i, limit := range [...]string{"requests", "dials", "bytes"} {
		ch <- prometheus.MustNewConstMetric(g.limited, prometheus.CounterValue, float64(st.RateLimited[i]), limit)
	}
	gauge(g.policyAge, g.d.status.Age(time.Now()).Seconds())
	gauge(g.policyInfo, 1, set.Digest())
	gauge(g.entries, float64(set.Len()))
	locked := 0.0
	if _, on := set.Lockdown(time.Now()); on {
		locked = 1
	}
	gauge(g.lockdown, locked)
	g.collectAudit(ch, gauge)
}

// collectAudit collects the metrics of the audit log.
func (g *gauges) collectAudit(ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string)) {
	l := g.d.audit
	ch <- prometheus.MustNewConstMetric(g.audit, prometheus.CounterValue, float64(l.Written()))
	ch <- prometheus.MustNewConstMetric(g.aggregated, prometheus.CounterValue, float64(l.Repeated()))
	ch <- prometheus.MustNewConstMetric(g.unrotated, prometheus.CounterValue, float64(l.RotateErrors()))
	used := l.Usage()
	gauge(g.auditBytes, float64(used.Bytes))
	if used.Limit > 0 {
		gauge(g.auditLimit, float64(used.Limit))
	}
	if used.Free >= 0 {
		gauge(g.auditFree, float64(used.Free))
	}
}
